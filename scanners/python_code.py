"""What a Python module reads from its environment and whom it is a client of, by its syntax tree. Pure.

Followed: `os.environ["X"]`, `os.environ.get("X")`, `os.getenv("X")`, their imports under other names,
constants that hold a variable's name, helpers that take the name as argument, and names that hold such a
value, from module, class or function. Nothing is imported or run.
"""

from __future__ import annotations

import ast
import re

from scanners.references import names_an_address
from scanners.source_nouns import Client, FlagRead, HostText, Module, Read, Symbol, hosts

_CLIENT_MODULES = {
    "requests", "httpx", "aiohttp", "urllib", "urllib3", "http", "grpc", "redis", "valkey", "psycopg",
    "psycopg2", "asyncpg", "sqlalchemy", "pymongo", "motor", "pika", "aio_pika", "kafka", "confluent_kafka",
    "aiokafka", "nats", "websockets", "websocket", "boto3", "pymysql", "aiomysql", "MySQLdb", "mysql",
    "pymemcache", "elasticsearch", "opensearchpy", "cassandra", "socket", "smtplib", "paho",
}  # fmt: skip
_CLIENT_VERBS = {
    "get", "post", "put", "delete", "patch", "head", "options", "request", "stream", "urlopen",
    "insecure_channel", "secure_channel", "connect", "ws_connect", "create_connection", "from_url",
    "create_engine", "create_async_engine", "create_pool",
}  # fmt: skip
_FLAG = re.compile(
    r"(get|resolve)_(boolean|string|integer|float|object)_(value|details)(_async)?|\w*variation(_detail)?"
)


def read_python(text: str) -> Module:
    r"""Return what a Python file reads and whom it calls.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python, or made to harm.

    >>> module = read_python("import os\ndef pay():\n    return os.environ['PAYMENT_URL']\n")
    >>> [(symbol.name, [read.name for read in symbol.reads]) for symbol in module.symbols]
    [('', []), ('pay', ['PAYMENT_URL'])]
    """
    tree = ast.parse(text)
    visitor = _Visitor(_Names(tree))
    visitor.visit(tree)
    return Module(tuple(visitor.symbols))


class _Names:
    """What names stand for in a module: aliases of `os`, constants, and values that come from the environment."""

    def __init__(self, tree: ast.Module) -> None:
        self.os: set[str] = set()
        self.environ: set[str] = set()
        self.getenv: set[str] = set()
        self.clients: set[str] = set()
        self.constants: dict[str, str] = {}
        self.helpers: dict[str, int] = {}
        self.flag_helpers: dict[str, int] = {}
        self.held: dict[str, set[str]] = {}
        self.texts: dict[str, set[str]] = {}
        nodes = list(ast.walk(tree))
        for node in nodes:
            self._import(node)
        for node in tree.body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                self.constants.update(
                    {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}
                )
        for node in nodes:
            if isinstance(node, ast.FunctionDef):
                self._helper(node)
        for _ in range(3):  # a value handed on through two names is followed, no further
            for node in nodes:
                self._assignment(node)

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                if alias.name == "os":
                    self.os.add(name)
                elif alias.name.split(".")[0] in _CLIENT_MODULES:
                    self.clients.add(name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = alias.asname or alias.name
                if node.module == "os":
                    {"environ": self.environ, "getenv": self.getenv}.get(alias.name, set()).add(name)
                elif node.module.split(".")[0] in _CLIENT_MODULES:
                    self.clients.add(name)

    def _helper(self, node: ast.FunctionDef) -> None:
        """Keep a function that reads the variable, or asks for the flag, whose name it is given."""
        positions = {argument.arg: index for index, argument in enumerate(node.args.args)}
        for part in ast.walk(node):
            key = self.key(part)
            if isinstance(key, ast.Name) and key.id in positions:
                self.helpers[node.name] = positions[key.id]
            flag = _flag_key(part)
            if isinstance(flag, ast.Name) and flag.id in positions:
                self.flag_helpers[node.name] = positions[flag.id]

    def _assignment(self, node: ast.AST) -> None:
        """Keep what a name holds: variables of the environment, and texts."""
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            return
        variables, texts = self.behind(value)
        for target in targets:
            name = _name(target)
            if name and variables:
                self.held.setdefault(name, set()).update(variables)
            if name and texts:
                self.texts.setdefault(name, set()).update(texts)

    def is_environ(self, node: ast.AST) -> bool:
        """Say whether an expression is the environment."""
        if isinstance(node, ast.Attribute):
            return node.attr == "environ" and isinstance(node.value, ast.Name) and node.value.id in self.os
        return isinstance(node, ast.Name) and node.id in self.environ

    def key(self, node: ast.AST) -> ast.expr | None:
        """Return the expression that names the variable, if the node reads the environment."""
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and self.is_environ(node.value):
            return node.slice
        if not isinstance(node, ast.Call) or not node.args:
            return None
        call = node.func
        if isinstance(call, ast.Attribute):
            if call.attr in ("get", "pop", "setdefault") and self.is_environ(call.value):
                return node.args[0]
            if call.attr == "getenv" and isinstance(call.value, ast.Name) and call.value.id in self.os:
                return node.args[0]
        elif isinstance(call, ast.Name):
            if call.id in self.getenv:
                return node.args[0]
            if self.helpers.get(call.id, len(node.args)) < len(node.args):
                return node.args[self.helpers[call.id]]
        return None

    def variable(self, node: ast.AST) -> str | None:
        """Return the name of the variable that a node reads, where it is written out."""
        key = self.key(node)
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return key.value
        return self.constants.get(key.id) if isinstance(key, ast.Name) else None

    def behind(self, node: ast.AST) -> tuple[set[str], set[str]]:
        """Return the variables and the texts that an expression is made of."""
        variables: set[str] = set()
        texts: set[str] = set()
        for part in ast.walk(node):
            if name := self.variable(part):
                variables.add(name)
            elif (held := _name(part)) is not None:
                variables |= self.held.get(held, set())
                texts |= self.texts.get(held, set())
            elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                texts.add(part.value)
        return variables, texts


class _Visitor(ast.NodeVisitor):
    """Walks a module and keeps, for each function, what it reads and whom it calls."""

    def __init__(self, names: _Names) -> None:
        self.names = names
        self.symbols = [Symbol("", 1, 1)]
        self._stack = [self.symbols[0]]
        self._path: list[str] = []

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
        self._path.append(node.name)
        self._body(node)
        self._path.pop()

    def visit_Module(self, node: ast.Module) -> None:  # ast's name
        self._body(node)

    def visit_Call(self, node: ast.Call) -> None:  # ast's name
        self._read(node)
        self._flag(node)
        if self._is_client(node):
            variables, hosts = self._address(node)
            if variables or hosts:
                self._stack[-1].clients.append(Client(node.lineno, variables, hosts))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:  # ast's name
        self._read(node)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:  # ast's name
        if isinstance(node.value, str):
            for host, port in hosts([node.value]):
                self._stack[-1].hosts.append(HostText(host, port, node.lineno))

    def _body(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) -> None:
        """Visit everything but the docstring, which is prose."""
        documented = ast.get_docstring(node, clean=False) is not None
        skip = node.body[0] if documented else None
        for child in ast.iter_child_nodes(node):
            if child is not skip:
                self.visit(child)

    def _read(self, node: ast.Call | ast.Subscript) -> None:
        name = self.names.variable(node)
        if name is None:
            return
        default = node.args[1] if isinstance(node, ast.Call) and len(node.args) == 2 else None
        text = str(default.value) if isinstance(default, ast.Constant) and default.value is not None else None
        self._stack[-1].reads.append(Read(name, node.lineno, text))

    def _flag(self, node: ast.Call) -> None:
        """Keep a feature flag that is asked for, here or by a helper of this module."""
        key = _flag_key(node)
        position = self.names.flag_helpers.get(_name(node.func) or "", len(node.args))
        if key is None and position < len(node.args):
            key = node.args[position]
        text = self.names.constants.get(key.id) if isinstance(key, ast.Name) else getattr(key, "value", None)
        if isinstance(text, str):
            self._stack[-1].flags.append(FlagRead(text, node.lineno))

    def _is_client(self, node: ast.Call) -> bool:
        """Say whether a call makes or uses a client: a verb of one, or something imported from a client library."""
        call = node.func
        if self.names.key(node) is not None:
            return False
        root = call
        while isinstance(root, ast.Attribute | ast.Call):
            root = root.value if isinstance(root, ast.Attribute) else root.func
        imported = isinstance(root, ast.Name) and root.id in self.names.clients
        return imported or (_name(call) in _CLIENT_VERBS)

    def _address(self, node: ast.Call) -> tuple[tuple[str, ...], tuple[tuple[str, int | None], ...]]:
        """Return the variables and hosts in the arguments of a call."""
        variables: set[str] = set()
        texts: set[str] = set()
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            more, written = self.names.behind(argument)
            variables |= more
            texts |= written
        address = variables if len(variables) == 1 else {name for name in variables if names_an_address(name)}
        return tuple(sorted(address)), tuple(dict.fromkeys(hosts(sorted(texts))))


def _name(node: ast.AST) -> str | None:
    """Return the name that an expression is kept under: `x`, or `x` of `self.x`."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def _flag_key(node: ast.AST) -> ast.expr | None:
    """Return what names the flag, if the node asks for one by name and default, as OpenFeature wants it."""
    if not isinstance(node, ast.Call) or len(node.args) + len(node.keywords) < 2:
        return None
    if not _FLAG.fullmatch(_name(node.func) or ""):
        return None
    named = [word.value for word in node.keywords if word.arg in ("flag_key", "key")]
    return next(iter([*named, *node.args]), None)
