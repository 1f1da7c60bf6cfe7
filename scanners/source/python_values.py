"""What names hold in a Python module: variables of the environment, texts, clients that were made with them. Pure.

A name means what its function gives it, else what the module does. What a function gives back is followed where it is
called, in other files by their imports; names of two words that one file alone gives a value are known everywhere.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from scanners.references import names_a_quantity, names_an_address
from scanners.secrecy import is_secret
from scanners.source.flow_values import Origin
from scanners.source.python_clients import Method, addressed
from scanners.source.python_files import Files
from scanners.source.python_names import Helper, Helpers, Names, name_of, pairs

Key = tuple[int, str]
"""Function that a name belongs to, 0 for the module and for fields of objects; and the name."""
_DEPTH = 8
"""Attributes and calls through which a client is followed, in one expression."""
_ROUNDS = 3
_ANSWERS = re.compile(r"get|post|put|delete|patch|head|options|request|stream|urlopen|send")
"""Calls of a client library that give an answer, not a client."""
_PLACES = 4
"""Arguments by place that may be an address: `request(method, url)`, `create_pool(host, port)`; later ones are data."""
_SENT = frozenset({"json", "data", "body", "content", "headers", "params", "cookies", "auth", "timeout", "message"})
_WRAPS = re.compile(r"[A-Z]\w*(?:Client|Stub|Session|Connection|Channel|Pool)|create_?client|get_?client")
"""What makes a client of a client that it is given: a gRPC stub of its channel."""


class Values(Names):
    """The values of one file, followed by name."""

    def __init__(self, tree: ast.Module, path: str = "") -> None:
        super().__init__(tree)
        self.path = path
        self.held: dict[Key, set[str]] = defaultdict(set)
        self.texts: dict[Key, set[str]] = defaultdict(set)
        self.made: dict[Key, Origin] = {}
        """Names that hold a client, and what it was told."""
        self.returned: dict[str, set[str]] = defaultdict(set)
        """Functions, and the variables in what they give back."""
        self.makers: dict[str, Origin] = {}
        """Functions that give back a client."""
        self.neighbours: dict[str, tuple[Values, str]] = {}
        """Imported names: the file that they come from, and their name there; none for the file itself."""
        self.classes = {node.name: node for node in self.nodes if isinstance(node, ast.ClassDef)}
        self._addressed: dict[str, tuple[Helper, ...]] = {}
        self._parents, self._locals = [0], [set[str]()]
        self._scopes: dict[int, int] = {}
        self._given: list[tuple[ast.expr, ast.expr]] = []
        self._results: list[tuple[Method, ast.expr]] = []
        self._number(tree)
        self._words = {name for node in self.nodes if (name := name_of(node)) is not None}

    def _number(self, tree: ast.Module) -> None:
        """Say of each name which function it stands in, and gather what is assigned and given back."""
        stack: list[tuple[ast.AST, int, Method | None]] = [(tree, 0, None)]
        while stack:
            node, scope, function = stack.pop()
            if isinstance(node, Method | ast.Lambda):
                self._parents.append(scope)
                self._locals.append(set())
                scope, function = len(self._parents) - 1, node if isinstance(node, Method) else None
            elif isinstance(node, ast.Name):
                self._scopes[id(node)] = scope
                if isinstance(node.ctx, ast.Store):
                    self._locals[scope].add(node.id)
            elif isinstance(node, ast.arg):
                self._locals[scope].add(node.arg)
            elif isinstance(node, ast.Return | ast.Yield) and node.value is not None and function is not None:
                self._results.append((function, node.value))
            self._given.extend(_assigned(node))
            stack.extend((each, scope, function) for each in reversed(list(ast.iter_child_nodes(node))))
        for node in self.nodes:
            if isinstance(node, ast.Global):
                for names in self._locals:
                    names.difference_update(node.names)

    def _key(self, node: ast.AST) -> Key | None:
        """Return what a name is kept under: that of the innermost function which gives it a value."""
        if isinstance(node, ast.Attribute):
            return 0, node.attr
        if not isinstance(node, ast.Name):
            return None
        scope = self._scopes.get(id(node), 0)
        while scope and node.id not in self._locals[scope]:
            scope = self._parents[scope]
        return scope, node.id

    # other files

    def meet(self, files: Files, known: Mapping[str, Values]) -> None:
        """Find the files that the imports mean."""
        for name, (level, module, there) in self.imports.items():
            whole = ".".join(filter(None, (module, there)))
            if (path := files.module(self.path, level, whole)) and path != self.path and path in known:
                self.neighbours[name] = known[path], ""
            elif there and (path := files.module(self.path, level, module)) and path != self.path and path in known:
                self.neighbours[name] = known[path], there

    def _neighbour(self, node: ast.AST) -> tuple[Values, str] | None:
        """Return the file that an expression comes from by its import, and its name there."""
        found: tuple[Values, str] | None = None
        if isinstance(node, ast.Name) and self._key(node) == (0, node.id):
            found = self.neighbours.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = self.neighbours.get(node.value.id)
            found = (module[0], node.attr) if module and not module[1] else None
        for _ in range(_ROUNDS):  # a package hands on what its modules give
            if found is None or found[1] not in found[0].neighbours:
                break
            found = found[0].neighbours[found[1]]
        return found if found and found[1] else None

    def asks(self, elsewhere: Helpers) -> bool:
        """Say whether there is more to follow: nothing was followed yet, or a name of another file is used."""
        return self.elsewhere is not elsewhere or bool(self._words & elsewhere.held.keys()) or bool(self.neighbours)

    # following

    def follow(self, elsewhere: Helpers) -> None:
        """Work out what each name holds, now that the helpers of other files are known."""
        self.elsewhere = elsewhere
        for _ in range(_ROUNDS):  # a value handed on through two names is followed, no further
            for name, node in self.classes.items():
                self._addressed[name] = addressed(node, self._reaches)
            for target, value in self._given:
                self._hold(target, value)
            for function, value in self._results:
                self._give_back(function, value)

    def _hold(self, target: ast.expr, value: ast.expr) -> None:
        """Keep what a name holds: variables of the environment, texts, a client."""
        key = self._key(target)
        if key is None:
            return
        variables, texts = self.behind(value)
        if variables:
            self.held[key] |= variables
        if texts:
            self.texts[key] |= texts
        if (client := self.client(value)) is not None:
            self.made[key] = self.made.get(key, Origin()) | client

    def _give_back(self, function: Method, value: ast.expr) -> None:
        """Keep what a function gives back; a name of one word (`get`) may be anybody's, and says it by import only."""
        variables, _ = self.behind(value)
        several = "_" in function.name.strip("_")
        if variables:
            self.returned[function.name] |= variables
        if variables and several:
            self.held[0, function.name] |= variables
        if (client := self.client(value)) is not None:
            self.makers[function.name] = self.makers.get(function.name, Origin()) | client
            if any("property" in (name_of(each) or "") for each in function.decorator_list):
                self.made[0, function.name] = self.makers[function.name]

    def behind(self, node: ast.AST) -> tuple[set[str], set[str]]:
        """Return the variables and the texts that an expression is made of."""
        variables: set[str] = set()
        texts: set[str] = set()
        left = [node]
        while left:
            part = left.pop()
            if name := self.variable(part):
                variables.add(name)
            elif isinstance(part, ast.Name | ast.Attribute):
                variables |= self._variables_of(part)
                texts |= self.texts.get(self._key(part) or (0, ""), set())
            elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                texts.add(part.value)
            if not self._answers(part):
                left.extend(ast.iter_child_nodes(part))
        return variables, texts

    def _answers(self, node: ast.AST) -> bool:
        """Say whether a value is the answer of a service: it is not made of the address that was asked."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and _ANSWERS.fullmatch(node.func.attr) is not None
            and self.client(node.func.value) is not None
        )

    def _variables_of(self, node: ast.Name | ast.Attribute) -> set[str]:
        """Return the variables that a name holds, here or in the file that it comes from."""
        if (other := self._neighbour(node)) is not None:
            file, name = other
            return file.held.get((0, name), set()) | file.returned.get(name, set())
        key = self._key(node) or (0, "")
        held = self.held.get(key, set())
        if isinstance(node, ast.Name) and key[0] == 0:
            held = held | self.returned.get(node.id, set())
        name = name_of(node) or ""
        return held or (set() if name in self.bound else self.elsewhere.held.get(name, set()))

    # clients

    def client(self, node: ast.AST, depth: int = _DEPTH) -> Origin | None:
        """Return what a client is told, if an expression is one."""
        if depth == 0:
            return None
        if isinstance(node, ast.Await | ast.NamedExpr):
            return self.client(node.value, depth - 1)
        if isinstance(node, ast.IfExp | ast.BoolOp):
            sides = [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values
            found = [each for each in (self.client(side, depth - 1) for side in sides[:_DEPTH]) if each is not None]
            return _together(found) if found else None
        if isinstance(node, ast.Name | ast.Attribute):
            other = self._neighbour(node)
            return other[0].made.get((0, other[1])) if other else self.made.get(self._key(node) or (0, ""))
        return self._made_by(node, depth) if isinstance(node, ast.Call) else None

    def _made_by(self, node: ast.Call, depth: int) -> Origin | None:
        """Return what the client is told that a call makes."""
        own = self.own(node.func)
        if own:
            return _together(self._told_own(helper, node) for helper in own)
        last = name_of(node.func) or ""
        if self.calls_out(node):
            return None if _ANSWERS.fullmatch(last) else self.told(node)
        if (maker := self._maker(node.func)) is not None:
            return maker
        if _WRAPS.fullmatch(last):
            given = (*node.args, *(word.value for word in node.keywords))
            return next(filter(None, (self.client(each, depth - 1) for each in given[:_DEPTH])), None)
        return None

    def _maker(self, node: ast.expr) -> Origin | None:
        """Return what the client is told that a function gives back: one of this file, or one that is imported."""
        if (other := self._neighbour(node)) is not None:
            return other[0].makers.get(other[1])
        mine = isinstance(node, ast.Name) or (
            isinstance(node, ast.Attribute) and name_of(node.value) in ("self", "cls")
        )
        key = self._key(node)
        return self.makers.get(key[1]) if mine and key is not None and key[0] == 0 else None

    def own(self, node: ast.expr, depth: int = _ROUNDS) -> tuple[Helper, ...]:
        """Return the parameters that say where to call, if an expression is a client class of the code's own."""
        file, name = self._neighbour(node) or (self, name_of(node) or "")
        if (file is self and not isinstance(node, ast.Name)) or name not in file.classes or depth == 0:
            return ()
        found = file._addressed.get(name, ())
        definition = file.classes[name]
        if found or any(isinstance(each, Method) and each.name == "__init__" for each in definition.body):
            return found
        return next(filter(None, (file.own(base, depth - 1) for base in definition.bases[:_ROUNDS])), ())

    def _reaches(self, node: ast.Call) -> bool:
        """Say whether a call reaches out: by a library of clients, or by a client class of the code's own."""
        return self.calls_out(node) or bool(self.own(node.func))

    def _told_own(self, helper: Helper, node: ast.Call) -> Origin:
        """Return what a constructor is given in the place of an address."""
        given = helper.given(node)
        if given is None:
            return Origin(client=True)
        variables, texts = self.behind(given)
        variables = {name for name in variables if not is_secret(name)}
        if len(variables) > 1 or not names_an_address(helper.parameter):
            variables = {name for name in variables if names_an_address(name)}
        return Origin(frozenset(variables), frozenset(texts), client=True)

    def told(self, node: ast.Call) -> Origin:
        """Return the address in the arguments of a call: variables whose names say so, or the only one there is.

        What is sent is no address; the only variable is none where one is written out, or where it fills in a path.
        """
        variables: set[str] = set()
        texts: set[str] = set()
        named = (word.value for word in node.keywords if word.arg not in _SENT)
        for argument in (*node.args[:_PLACES], *named):
            more, written = self.behind(argument)
            variables |= more
            texts |= written
        variables = {name for name in variables if not is_secret(name)}
        only = len(variables) == 1 and self.calls_out(node) and not any("?" in text or "://" in text for text in texts)
        only = only and not any(map(names_a_quantity, variables))
        address = variables if only else {name for name in variables if names_an_address(name)}
        return Origin(frozenset(address), frozenset(texts), client=True)

    def handed(self, node: ast.Call) -> Origin:
        """Return the address that a call hands to a function which calls it."""
        name = name_of(node.func) or ""
        helper = self.helpers.client.get(name) or self.elsewhere.client.get(name)
        return self._told_own(helper, node) if helper else Origin()


def _together(origins: Iterable[Origin]) -> Origin:
    total = Origin(client=True)
    for each in origins:
        total |= each
    return total


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what a statement gives which value."""
    if isinstance(node, ast.Assign):
        for each in node.targets:
            yield from pairs(each, node.value)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from pairs(node.optional_vars, node.context_expr)


def held_by_all(modules: Iterable[Values]) -> dict[str, set[str]]:
    """Return the names of two words or more that hold variables, and are given a value in one file only."""
    modules = list(modules)
    bound = Counter(name for each in modules for name in each.bound)
    return {
        name: variables
        for each in modules
        for (scope, name), variables in each.held.items()
        if scope == 0 and bound[name] == 1 and "_" in name.strip("_")
    }
