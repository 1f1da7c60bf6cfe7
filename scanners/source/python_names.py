"""What names stand for in a Python module: the environment under its aliases, constants, libraries, helpers. Pure.

A helper is a function that hands a parameter on to a read of the environment, or to a question for a feature flag;
those of other files are told. A settings library (pydantic-settings, python-decouple, environs, django-environ,
Starlette's) is asked for variables by their names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from scanners.references import names_an_address

_CLIENT_MODULES = {
    "requests", "httpx", "aiohttp", "urllib", "urllib3", "http", "grpc", "redis", "valkey", "psycopg",
    "psycopg2", "asyncpg", "sqlalchemy", "pymongo", "motor", "pika", "aio_pika", "kafka", "confluent_kafka",
    "aiokafka", "nats", "websockets", "websocket", "boto3", "pymysql", "aiomysql", "MySQLdb", "mysql",
    "pymemcache", "elasticsearch", "opensearchpy", "cassandra", "socket", "smtplib", "paho",
}  # fmt: skip
_SILENT = re.compile(r"urllib\.(?:parse|error|robotparser)|http(?:\.(?!client)\w+)?|http")
"""Parts of those libraries that connect to nobody: they take addresses apart, name statuses, serve."""
_TAKES_APART = re.compile(r"\w+\.(?:parse|error|robotparser|server|cookies|cookiejar|HTTPStatus)\b")
_SETTINGS_MODULES = {"decouple", "environs", "environ", "starlette"}
"""Libraries whose object or function reads the variable that it is asked for."""
_FLAG = re.compile(
    r"(get|resolve)_(boolean|string|integer|float|object)_(value|details)(_async)?|\w*variation(_detail)?"
)
_UPPER = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Helper:
    """A function that hands one of its parameters on: its position, and its name."""

    position: int
    parameter: str
    method: bool = False
    """Its first parameter is the object."""

    def given(self, call: ast.Call) -> ast.expr | None:
        """Return what a call hands it."""
        for word in call.keywords:
            if word.arg == self.parameter:
                return word.value
        place = self.position - self.method
        unpacked = next((each for each in call.args[: place + 1] if isinstance(each, ast.Starred)), None)
        return unpacked or (call.args[place] if 0 <= place < len(call.args) else None)


@dataclass(slots=True)
class Helpers:
    """Functions that read the variable, or ask for the flag, that they are told, by name."""

    env: dict[str, Helper] = field(default_factory=dict)
    flag: dict[str, Helper] = field(default_factory=dict)
    client: dict[str, Helper] = field(default_factory=dict)
    """Functions that call the address that they are told."""
    held: dict[str, set[str]] = field(default_factory=dict)
    """Names that hold variables, in files that import them."""


def shared(modules: Iterable[Names], functions: Mapping[str, int]) -> Helpers:
    """Return the helpers of modules that all may use: those whose name only one function has."""
    found = Helpers()
    for each in modules:
        found.env |= {name: helper for name, helper in each.helpers.env.items() if functions[name] == 1}
        found.flag |= {name: helper for name, helper in each.helpers.flag.items() if functions[name] == 1}
        found.client |= {name: helper for name, helper in each.helpers.client.items() if functions[name] == 1}
    return found


class Names:
    """What names stand for in a module: aliases of `os`, constants, libraries, and functions that hand a name on."""

    def __init__(self, tree: ast.Module) -> None:
        self.os: set[str] = set()
        self.environ: set[str] = set()
        self.getenv: set[str] = set()
        self.clients: set[str] = set()
        self.settings: set[str] = set()
        self.constants: dict[str, str] = {}
        self.helpers = Helpers()
        self.elsewhere = Helpers()
        self.functions: list[str] = []
        self.bound: set[str] = set()
        self.imports: dict[str, tuple[int, str, str]] = {}
        """Name to how it is imported: dots, module, and its name there."""
        self.nodes = list(ast.walk(tree))
        for node in self.nodes:
            self._import(node)
        for node in self.nodes:
            self._alias(node)
            self._bind(node)
        for node in tree.body:
            self._constant(node)
        methods = {id(each) for node in self.nodes if isinstance(node, ast.ClassDef) for each in node.body}
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions.append(node.name)
                self._helper(node, method=id(node) in methods)

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                if alias.name == "os" or (alias.asname is None and alias.name.startswith("os.")):
                    self.os.add(name)
                else:
                    self._imported(name, alias.name if alias.asname else name, alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name
                if node.module == "os":
                    {"environ": self.environ, "getenv": self.getenv}.get(alias.name, set()).add(name)
                else:
                    self._from(name, node, alias.name)

    def _imported(self, name: str, meant: str, whole: str) -> None:
        """Keep a module by the name that it has here; `import a.b` gives `a`."""
        library = whole.split(".")[0]
        if library in _CLIENT_MODULES and not _SILENT.fullmatch(whole):
            self.clients.add(name)
        elif library in _SETTINGS_MODULES:
            self.settings.add(name)
        self.imports[name] = 0, meant, ""

    def _from(self, name: str, node: ast.ImportFrom, there: str) -> None:
        """Keep what a module gives, by the name that it has here; what is told by dots is no library."""
        module = node.module or ""
        library = "" if node.level else module.split(".")[0]
        if library in _CLIENT_MODULES and not (_SILENT.fullmatch(module) and _SILENT.fullmatch(f"{module}.{there}")):
            self.clients.add(name)
        elif library in _SETTINGS_MODULES:
            self.settings.add(name)
        self.imports[name] = node.level, module, there

    def _alias(self, node: ast.AST) -> None:
        """Keep another name of the environment, and the object of a settings library."""
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            return
        name, value = node.targets[0].id, node.value
        if self.is_environ(value):
            self.environ.add(name)
        elif isinstance(value, ast.Call) and _root(value.func) in self.settings:
            self.settings.add(name)

    def _constant(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            text = node.value.value
            self.constants.update({target.id: text for target in node.targets if isinstance(target, ast.Name)})

    def _helper(self, node: ast.FunctionDef | ast.AsyncFunctionDef, *, method: bool) -> None:
        """Keep a function that reads the variable, or asks for the flag, whose name it is given."""
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        static = any(name_of(each) == "staticmethod" for each in node.decorator_list)
        positions = {
            argument.arg: Helper(index, argument.arg, method and not static) for index, argument in enumerate(arguments)
        }
        for part in ast.walk(node):
            key = self.key(part)
            if isinstance(key, ast.Name) and key.id in positions:
                self.helpers.env[node.name] = positions[key.id]
            flag = flag_key(part)
            if isinstance(flag, ast.Name) and flag.id in positions:
                self.helpers.flag[node.name] = positions[flag.id]
            if isinstance(part, ast.Call) and self.calls_out(part):
                for word in names_in((*part.args, *(each.value for each in part.keywords))):
                    if word in positions and names_an_address(word):
                        self.helpers.client[node.name] = positions[word]

    def _bind(self, node: ast.AST) -> None:
        """Keep a name that is given a value in this file: it is not the one of another file."""
        if isinstance(node, ast.arg):
            self.bound.add(node.arg)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            self.bound.add(name_of(node) or "")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.bound.add(node.name)

    def is_environ(self, node: ast.AST) -> bool:
        """Say whether an expression is the environment."""
        if isinstance(node, ast.Attribute):
            return node.attr == "environ" and isinstance(node.value, ast.Name) and node.value.id in self.os
        return isinstance(node, ast.Name) and node.id in self.environ

    def key(self, node: ast.AST) -> ast.expr | None:
        """Return the expression that names the variable, if the node reads the environment or asks a helper here."""
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and self.is_environ(node.value):
            return node.slice
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            return node.left if self.is_environ(node.comparators[0]) else None
        if not isinstance(node, ast.Call):
            return None
        call = node.func
        if isinstance(call, ast.Attribute):
            direct = call.attr in ("get", "pop", "setdefault") and self.is_environ(call.value)
            direct |= call.attr == "getenv" and isinstance(call.value, ast.Name) and call.value.id in self.os
        else:
            direct = isinstance(call, ast.Name) and call.id in self.getenv
            helper = self.helpers.env.get(call.id) if isinstance(call, ast.Name) else None
            if helper is not None:
                return helper.given(node)
        return node.args[0] if direct and node.args else None

    def _told(self, node: ast.AST) -> ast.expr | None:
        """Return what a method, a helper of another file or a settings library is asked for; CAPITALS make it sure."""
        if not isinstance(node, ast.Call):
            return None
        name = name_of(node.func) or ""
        known = self.helpers.env.get(name) or self.elsewhere.env.get(name)
        if known is not None:
            return known.given(node)
        return node.args[0] if node.args and _root(node.func) in self.settings else None

    def variable(self, node: ast.AST) -> str | None:
        """Return the name of the variable that a node reads, where it is written out."""
        key = self.key(node)
        if key is not None:
            return self._word(key)
        told = self._word(self._told(node))
        return told if told is not None and _UPPER.fullmatch(told) else None

    def flag(self, node: ast.Call) -> str | None:
        """Return the feature flag that a call asks for, here or by a helper."""
        name = name_of(node.func) or ""
        helper = self.helpers.flag.get(name) or self.elsewhere.flag.get(name)
        return self._word(flag_key(node) or (helper.given(node) if helper else None))

    def calls_out(self, node: ast.Call) -> bool:
        """Say whether what is called comes from a library of clients, and connects to somebody."""
        called = dotted(node.func)
        return called.partition(".")[0] in self.clients and not _TAKES_APART.match(called)

    def _word(self, node: ast.expr | None) -> str | None:
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        return self.constants.get(node.id) if isinstance(node, ast.Name) else None


def fields(node: ast.ClassDef) -> Iterator[tuple[str, int, str | None]]:
    """Yield variable, line and default of the fields of a pydantic settings class."""
    prefix = ""
    for part in ast.walk(node):
        word = part if isinstance(part, ast.keyword) else None
        if word is not None and word.arg == "env_prefix" and isinstance(word.value, ast.Constant):
            prefix = str(word.value.value)
        if isinstance(part, ast.Assign) and name_of(part.targets[0]) == "env_prefix":
            prefix = str(getattr(part.value, "value", ""))
    for each in node.body:
        if (
            not isinstance(each, ast.AnnAssign)
            or not isinstance(each.target, ast.Name)
            or each.target.id == "model_config"
        ):
            continue
        named = list(_aliases(each.value)) or [(prefix + each.target.id).upper()]
        plain = isinstance(each.value, ast.Constant) and each.value.value is not None
        for name in named:
            yield name, each.lineno, str(each.value.value) if plain and isinstance(each.value, ast.Constant) else None


def _aliases(value: ast.expr | None) -> Iterator[str]:
    """Yield the names that `Field(validation_alias=...)` gives a field."""
    for word in value.keywords if isinstance(value, ast.Call) else ():
        if word.arg in ("alias", "validation_alias", "env"):
            for part in ast.walk(word.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def _root(node: ast.AST) -> str:
    """Return the first name of `a.b().c`."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` of `a.b().c`."""
    words: list[str] = []
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Attribute):
            words.append(node.attr)
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return ".".join((node.id if isinstance(node, ast.Name) else "", *reversed(words)))


def names_in(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the plain names in expressions."""
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                yield part.id


def pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what is given which value; each name of a tuple the whole, where the value is no tuple of that length."""
    left = [(target, value)]
    while left:
        target, value = left.pop()
        if isinstance(target, ast.Starred):
            left.append((target.value, value))
        elif isinstance(target, ast.Tuple | ast.List):
            matched = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
            values = value.elts if isinstance(value, ast.Tuple | ast.List) and matched else [value] * len(target.elts)
            left.extend(zip(target.elts, values, strict=True))
        else:
            yield target, value


def name_of(node: ast.AST) -> str | None:
    """Return the name that an expression is kept under: `x`, or `x` of `self.x`."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def flag_key(node: ast.AST) -> ast.expr | None:
    """Return what names the flag, if the node asks for one by name and default, as OpenFeature wants it."""
    if not isinstance(node, ast.Call) or len(node.args) + len(node.keywords) < 2:
        return None
    if not _FLAG.fullmatch(name_of(node.func) or ""):
        return None
    named = [word.value for word in node.keywords if word.arg in ("flag_key", "key")]
    return next(iter([*named, *node.args]), None)
