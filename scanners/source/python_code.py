"""What a Python module reads from its environment and whom it is a client of, by its syntax tree. Pure.

Followed: `os.environ["X"]`, `os.environ.get("X")`, `os.getenv("X")`, their imports under other names,
constants that hold a variable's name, helpers that take the name as argument, and names that hold such a
value, from module, class or function. Nothing is imported or run.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

from scanners.references import names_an_address
from scanners.secrecy import is_secret
from scanners.source.nouns import (
    Client,
    FlagRead,
    HostText,
    Module,
    Read,
    Symbol,
    Watch,
    hosts,
    line_of,
    tells,
    unwatched,
)
from scanners.source.python_names import Helpers, Names, fields, held_by_all, name_of, shared

BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's own parser raises of a file that is no Python, or made to harm."""

_CLIENT_VERBS = {
    "get", "post", "put", "delete", "patch", "head", "options", "request", "stream", "urlopen",
    "insecure_channel", "secure_channel", "connect", "ws_connect", "create_connection", "from_url",
    "create_engine", "create_async_engine", "create_pool",
}  # fmt: skip


def read_python(text: str) -> Module:
    r"""Return what a Python file reads and whom it calls.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python, or made to harm.

    >>> module = read_python("import os\ndef pay():\n    return os.environ['PAYMENT_URL']\n")
    >>> [(symbol.name, [read.name for read in symbol.reads]) for symbol in module.symbols]
    [('', []), ('pay', ['PAYMENT_URL'])]
    """
    tree = ast.parse(text)
    return _understood(tree, Names(tree), Helpers())


def read_pythons(texts: Mapping[str, str], watch: Watch = unwatched) -> Iterator[tuple[str, Module | Exception]]:
    """Yield what each file says, or why it is set aside; the files may use each other's helpers."""
    known: dict[str, tuple[ast.Module, Names]] = {}
    for name, text in texts.items():
        watch(name)
        try:
            tree = ast.parse(text)
            known[name] = tree, Names(tree)
        except BROKEN as error:
            yield name, error
    functions = Counter(function for _, names in known.values() for function in names.functions)
    helpers = shared((names for _, names in known.values()), functions)
    for _, names in known.values():
        names.follow(helpers)
    helpers.held = held_by_all(names for _, names in known.values())
    for name, (tree, names) in known.items():
        watch(name)
        try:
            yield name, _understood(tree, names, helpers)
        except BROKEN as error:
            yield name, error


def _understood(tree: ast.Module, names: Names, elsewhere: Helpers) -> Module:
    if names.asks(elsewhere):
        names.follow(elsewhere)
    visitor = _Visitor(names)
    visitor.visit(tree)
    return Module(tuple(visitor.symbols))


class _Visitor(ast.NodeVisitor):
    """Walks a module and keeps, for each function, what it reads and whom it calls."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.symbols = [Symbol("", 1, 1)]
        self._stack = [self.symbols[0]]
        self._path: list[str] = []
        self._settings: set[str] = set()
        self._told: set[int] = set()
        """Parts of what is written to a log or a screen."""

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:  # ast's name
        self._path.append(node.name)
        symbol = Symbol(".".join(self._path), node.lineno, node.end_lineno or node.lineno)
        self.symbols.append(symbol)
        self._stack.append(symbol)
        self._body(node)
        self._stack.pop()
        self._path.pop()

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:  # ast's name
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:  # ast's name
        if any(
            (name_of(base) or "").endswith("BaseSettings") or name_of(base) in self._settings for base in node.bases
        ):
            self._settings.add(node.name)
            self._stack[-1].reads.extend(Read(name, line, default) for name, line, default in fields(node))
        self._path.append(node.name)
        self._body(node)
        self._path.pop()

    def visit_Compare(self, node: ast.Compare) -> None:  # ast's name
        self._read(node)
        self.generic_visit(node)

    def visit_Module(self, node: ast.Module) -> None:  # ast's name
        self._body(node)

    def visit_Call(self, node: ast.Call) -> None:  # ast's name
        self._read(node)
        self._flag(node)
        if tells(name_of(node.func) or ""):
            self._told.update(id(part) for part in ast.walk(node))
        if self._is_client(node):
            variables, hosts = self._address(node)
            if variables or hosts:
                self._stack[-1].clients.append(Client(node.lineno, variables, hosts))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:  # ast's name
        self._read(node)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:  # ast's name
        if isinstance(node.value, str) and id(node) not in self._told:
            for host, port in hosts([node.value]):
                self._stack[-1].hosts.append(HostText(host, port, line_of(host, node.value, node.lineno)))

    def _body(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) -> None:
        """Visit everything but the docstring, which is prose."""
        documented = ast.get_docstring(node, clean=False) is not None
        skip = node.body[0] if documented else None
        for child in ast.iter_child_nodes(node):
            if child is not skip:
                self.visit(child)

    def _read(self, node: ast.Call | ast.Subscript | ast.Compare) -> None:
        name = self.names.variable(node)
        if name is None:
            return
        default = node.args[1] if isinstance(node, ast.Call) and len(node.args) == 2 else None
        text = str(default.value) if isinstance(default, ast.Constant) and default.value is not None else None
        self._stack[-1].reads.append(Read(name, node.lineno, text))

    def _flag(self, node: ast.Call) -> None:
        """Keep a feature flag that is asked for."""
        text = self.names.flag(node)
        if text is not None:
            self._stack[-1].flags.append(FlagRead(text, node.lineno))

    def _is_client(self, node: ast.Call) -> bool:
        """Say whether a call makes or uses a client: a verb of one, or something imported from a client library."""
        call = node.func
        if self.names.variable(node) is not None:
            return False
        root = call
        while isinstance(root, ast.Attribute | ast.Call):
            root = root.value if isinstance(root, ast.Attribute) else root.func
        imported = isinstance(root, ast.Name) and root.id in self.names.clients
        return imported or (name_of(call) in _CLIENT_VERBS)

    def _address(self, node: ast.Call) -> tuple[tuple[str, ...], tuple[tuple[str, int | None], ...]]:
        """Return the variables and hosts in the arguments of a call."""
        variables: set[str] = set()
        texts: set[str] = set()
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            more, written = self.names.behind(argument)
            variables |= more
            texts |= written
        variables = {name for name in variables if not is_secret(name)}
        address = variables if len(variables) == 1 else {name for name in variables if names_an_address(name)}
        return tuple(sorted(address)), tuple(dict.fromkeys(hosts(sorted(texts))))
