"""What a Python module reads from its environment and whom it is a client of, by its syntax tree. Pure.

Followed: `os.environ["X"]`, `os.environ.get("X")`, `os.getenv("X")`, their imports under other names,
constants that hold a variable's name, helpers that take the name as argument, names that hold such a value, from
module, class or function, and objects of client classes, a library's or the code's own. Nothing is imported or run.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

from scanners.references import names_an_address
from scanners.source.flow_values import Origin
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
from scanners.source.python_files import Files
from scanners.source.python_names import Helpers, fields, name_of, shared
from scanners.source.python_values import Values, held_by_all

BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's own parser raises of a file that is no Python, or made to harm."""

_VERBS = {
    "urlopen", "insecure_channel", "secure_channel", "ws_connect", "create_connection", "from_url",
    "create_engine", "create_async_engine", "create_pool",
}  # fmt: skip
_PLAIN_VERBS = {"get", "post", "put", "delete", "patch", "head", "options", "request", "stream", "connect"}
"""Verbs of clients that dictionaries and caches know too: the first argument must be an address or a path."""
_QUIET = frozenset(
    {"close", "aclose", "append", "add", "join", "strip", "rstrip", "format", "encode", "split", "items"}
)
"""Methods of a client that ask nobody."""


def read_python(text: str) -> Module:
    r"""Return what a Python file reads and whom it calls.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python, or made to harm.

    >>> module = read_python("import os\ndef pay():\n    return os.environ['PAYMENT_URL']\n")
    >>> [(symbol.name, [read.name for read in symbol.reads]) for symbol in module.symbols]
    [('', []), ('pay', ['PAYMENT_URL'])]
    """
    tree = ast.parse(text)
    return _understood(tree, Values(tree), Helpers())


def read_pythons(texts: Mapping[str, str], watch: Watch = unwatched) -> Iterator[tuple[str, Module | Exception]]:
    """Yield what each file says, or why it is set aside; the files may use each other's functions and classes."""
    known: dict[str, tuple[ast.Module, Values]] = {}
    for name, text in texts.items():
        watch(name)
        try:
            tree = ast.parse(text)
            known[name] = tree, Values(tree, name)
        except BROKEN as error:
            yield name, error
    functions = Counter(function for _, names in known.values() for function in names.functions)
    helpers = shared((names for _, names in known.values()), functions)
    files, values = Files(known), {name: names for name, (_, names) in known.items()}
    for name, names in values.items():
        watch(name)
        names.meet(files, values)
        names.follow(helpers)
    helpers.held = held_by_all(values.values())
    for name, names in values.items():  # once more, now that what is imported is known
        watch(name)
        if names.asks(helpers):
            names.follow(helpers)
    for name, (tree, names) in known.items():
        watch(name)
        try:
            yield name, _understood(tree, names, helpers)
        except BROKEN as error:
            yield name, error


def _understood(tree: ast.Module, names: Values, elsewhere: Helpers) -> Module:
    if names.asks(elsewhere):
        names.follow(elsewhere)
    visitor = _Visitor(names)
    visitor.visit(tree)
    return Module(tuple(visitor.symbols))


class _Visitor(ast.NodeVisitor):
    """Walks a module and keeps, for each function, what it reads and whom it calls."""

    def __init__(self, names: Values) -> None:
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
        self._client(node)
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

    def _client(self, node: ast.Call) -> None:
        """Keep whom a call makes or uses a client of: by its arguments, and by the object whose method it is."""
        used = isinstance(node.func, ast.Attribute) and node.func.attr not in _QUIET
        holder = self.names.client(node.func.value) if isinstance(node.func, ast.Attribute) and used else None
        origin = (holder or Origin()) | self.names.handed(node)
        if self.names.own(node.func):
            origin |= self.names.client(node) or Origin()
        elif not origin.variables and self._is_client(node):
            origin |= self.names.told(node)
        written = tuple(dict.fromkeys(hosts(sorted(origin.texts))))
        if origin.variables or written:
            self._stack[-1].clients.append(Client(node.lineno, tuple(sorted(origin.variables)), written))

    def _is_client(self, node: ast.Call) -> bool:
        """Say whether a call is of a client library, by its import or by its verb."""
        if self.names.variable(node) is not None:
            return False
        verb = name_of(node.func) or ""
        if self.names.calls_out(node) or verb in _VERBS:
            return True
        return verb in _PLAIN_VERBS and isinstance(node.func, ast.Attribute) and self._goes_somewhere(node)

    def _goes_somewhere(self, node: ast.Call) -> bool:
        """Say whether what is asked for is an address or a path, not the key of a dictionary or cache."""
        places = 2 if name_of(node.func) in ("request", "stream") else 1
        named = [word.value for word in node.keywords if word.arg and names_an_address(word.arg)]
        for argument in (*node.args[:places], *named):
            variables, texts = self.names.behind(argument)
            if any("/" in text for text in texts) or any(names_an_address(name) for name in variables):
                return True
        return False
