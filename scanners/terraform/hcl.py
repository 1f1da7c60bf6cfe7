"""Terraform's declarations: folders of `.tf` files as blocks, modules by local path, variables and locals filled in.

No function is called and no condition decided; what cannot be known from the files stays unknown. `count` and
`for_each` are left aside: a declaration is one block.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scanners.bounded import Document
from scanners.cloud.cloud_nouns import Place
from scanners.protocol import Problem
from scanners.secrecy import is_secret
from scanners.terraform.blocks import Block, strings

CALLS = 500
"""Calls of modules in one scan: modules that call two modules each grow without end."""
DEEPEST = 20
"""Levels of modules, and of variables and locals that name each other."""
LONGEST = 2_000
"""Characters of a value; locals that repeat each other grow without end."""
_TRAVERSAL = re.compile(r"(?<![\w.\"-])((?:data\.)?[a-z][\w-]*(?:\[[^\]\n]*\])?(?:\.(?:[\w-]+|\*)(?:\[[^\]\n]*\])?)+)")
_HOLE = re.compile(r"\$\{([^{}]*)\}")
_META = frozenset({"count", "for_each", "lifecycle", "provider", "provisioner", "connection", "__is_block__"})


@dataclass(slots=True)
class Folder:
    """What the `.tf` files of one folder declare."""

    path: str
    resources: dict[tuple[str, str], tuple[Mapping[str, Any], str]] = field(default_factory=dict)
    """Type and label to the body and where it stands."""
    modules: dict[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    locals: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    providers: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    """What its `.tfvars` files set."""


@dataclass(slots=True)
class Scope:
    """A folder as it is called: with its arguments."""

    folder: Folder
    prefix: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    parent: Scope | None = None
    providers: dict[str, Place] = field(default_factory=dict)
    children: dict[str, Scope] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    """Variables and locals that were asked for already."""
    named: dict[str, frozenset[str]] = field(default_factory=dict)


def folders(documents: Sequence[Document]) -> dict[str, Folder]:
    """Return the folders that the files lie in, each with what its files declare."""
    found: dict[str, Folder] = {}
    for document in documents:
        path = posixpath.dirname(document.path)
        folder = found.setdefault(path, Folder(path))
        content = document.content if isinstance(document.content, dict) else {}
        if document.path.endswith(".tfvars"):
            if posixpath.basename(document.path) == "terraform.tfvars" or document.path.endswith(".auto.tfvars"):
                folder.values.update(content)
        else:
            _fill(folder, document, content)
    return found


def _fill(folder: Folder, document: Document, content: Mapping[str, Any]) -> None:
    """Add what one file declares to its folder."""
    for kind, label, body in _labelled(content, "resource", 2):
        folder.resources[kind, label] = (body, document.at(f"resource/{kind}/{label}"))
    for _, label, body in _labelled(content, "module", 1):
        folder.modules[label] = (body, document.at(f"module/{label}"))
    for _, label, body in _labelled(content, "variable", 1):
        if body.get("sensitive") is not True and "default" in body:
            folder.defaults[label] = body["default"]
    for _, label, body in _labelled(content, "output", 1):
        folder.outputs[label] = body.get("value")
    for _, label, body in _labelled(content, "provider", 1):
        folder.providers.append((label, body))
    for block in _list(content.get("locals")):
        folder.locals.update({_plain(key): value for key, value in block.items()} if isinstance(block, dict) else {})


def _labelled(content: Mapping[str, Any], kind: str, labels: int) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the blocks of a kind: first label (of two), last label, body."""
    for block in _list(content.get(kind)):
        for first, body in block.items() if isinstance(block, dict) else ():
            pairs = body.items() if labels == 2 and isinstance(body, dict) else [(first, body)]
            for last, inner in pairs:
                if isinstance(inner, dict):
                    yield _plain(first), _plain(last), inner


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _plain(value: Any) -> str:
    """Return text as written, without the quotes that python-hcl2 keeps."""
    return value.strip('"') if isinstance(value, str) else ""


def blocks(found: Mapping[str, Folder]) -> tuple[tuple[Block, ...], tuple[Problem, ...], tuple[Problem, ...]]:
    """Return the blocks of every folder that is planned, what is wrong, and what lies elsewhere.

    A folder that another one calls as a module is seen through its callers.
    """
    calling = Calling(found)
    called = {calling.goal(folder.path, body) for folder in found.values() for body, _ in folder.modules.values()}
    made: list[Block] = []
    for path in [*(path for path in found if path not in called), *found]:  # the latter: modules that call each other
        if path not in calling.seen:
            scope = Scope(found[path], arguments=found[path].values)
            calling.fill(scope, (path,))
            made += _blocks(scope, path)
    return tuple(made), tuple(calling.problems), tuple(calling.skipped)


@dataclass(slots=True)
class Calling:
    """Follows the calls of modules, within bounds."""

    found: Mapping[str, Folder]
    seen: set[str] = field(default_factory=set)
    calls: int = 0
    problems: list[Problem] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)

    def goal(self, path: str, body: Mapping[str, Any]) -> str | None:
        """Return the folder that a module's `source` means; None where it is not on this disk."""
        source = _plain(body.get("source"))
        if not source.startswith(("./", "../")):
            return None
        meant = posixpath.normpath(posixpath.join(path, source))
        return "" if meant == "." else meant

    def fill(self, scope: Scope, above: tuple[str, ...]) -> None:
        """Read the providers of a scope and follow its modules."""
        self.seen.add(scope.folder.path)
        for name, body in scope.folder.providers:
            alias = evaluate(body.get("alias"), scope)
            scope.providers[f"{name}.{alias}" if alias else name] = _place(name, body, scope)
        for label, (body, where) in scope.folder.modules.items():
            path = self.goal(scope.folder.path, body)
            if path is None or path not in self.found:
                self.skipped.append(Problem(where, f"module {label}: its source is not below the target"))
            elif path in above or len(above) > DEEPEST:
                self.problems.append(Problem(where, f"module {label} calls itself"))
            elif self.calls >= CALLS:
                self.problems.append(Problem(where, f"module {label}: more than {CALLS} calls of modules"))
            else:
                self.calls += 1
                child = Scope(self.found[path], f"{scope.prefix}module.{label}.", body, scope, _handed(body, scope))
                scope.children[label] = child
                self.fill(child, (*above, path))


def _place(name: str, body: Mapping[str, Any], scope: Scope) -> Place:
    """Return what a provider's configuration says of account and region."""
    accounts = evaluate(body.get("allowed_account_ids"), scope)
    roles = "".join(strings([evaluate(each.get("role_arn"), scope) for each in _list(body.get("assume_role"))]))
    role = re.search(r":iam::(\d{12}):", roles)
    account = accounts[0] if isinstance(accounts, list) and len(accounts) == 1 else role[1] if role else ""
    provider = {"google": "gcp", "google-beta": "gcp"}.get(name, name)
    project = evaluate(body.get("project"), scope)
    return Place(
        provider, _text(project) if provider == "gcp" else _text(account), _text(evaluate(body.get("region"), scope))
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _handed(body: Mapping[str, Any], scope: Scope) -> dict[str, Place]:
    """Return the providers that a module gets: those without an alias, and those that its call hands over."""
    given = {name: place for name, place in scope.providers.items() if "." not in name}
    handed = body.get("providers")
    for name, value in handed.items() if isinstance(handed, dict) else ():
        place = scope.providers.get(_inner(value))
        if place is not None:
            given[_inner(name)] = place
    return given


def _inner(value: Any) -> str:
    """Return an expression without the `${}` that python-hcl2 puts round it."""
    text = _plain(value)
    return text[2:-1].strip() if text.startswith("${") and text.endswith("}") else text


def _blocks(scope: Scope, root: str) -> Iterator[Block]:
    """Yield the blocks of a scope and of the modules that it calls."""
    for (kind, label), (body, where) in scope.folder.resources.items():
        plain = {_plain(name): value for name, value in body.items() if name not in _META}
        known = {
            name: value
            for name, each in plain.items()
            if not is_secret(name) and (value := evaluate(each, scope)) is not None
        }
        refs = {name: named for name, each in plain.items() if (named := references(each, scope))}
        provider = _inner(body.get("provider")) or kind.partition("_")[0]
        place = scope.providers.get(
            provider, Place({"google": "gcp"}.get(kind.partition("_")[0], kind.partition("_")[0]))
        )
        yield Block(root, f"{scope.prefix}{kind}.{label}", kind, known, refs, place, where)
    for child in scope.children.values():
        yield from _blocks(child, root)


def evaluate(value: Any, scope: Scope, depth: int = DEEPEST) -> Any:
    """Return what an expression comes to; None for what cannot be known."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        return [part for each in value if (part := evaluate(each, scope, depth)) is not None]
    if isinstance(value, dict):
        return {_plain(key): part for key, each in value.items() if (part := evaluate(each, scope, depth)) is not None}
    if not isinstance(value, str) or value.startswith('"<<') or depth <= 0 or len(value) > LONGEST:
        return None
    if len(value) > 1 and value[0] == value[-1] == '"':
        return _template(value[1:-1], scope, depth)
    return _lookup(_inner(value), scope, depth) if value.startswith("${") else None


def _template(text: str, scope: Scope, depth: int) -> str | None:
    """Return a text with its holes filled; None where one of them cannot be known."""
    filled, at = "", 0
    for hole in _HOLE.finditer(text):
        part = _lookup(hole[1].strip(), scope, depth)
        if not isinstance(part, str | int | float) or len(filled) > LONGEST:
            return None
        filled += text[at : hole.start()] + str(part)
        at = hole.end()
    filled += text[at:]
    return None if "${" in filled or "%{" in filled or len(filled) > LONGEST else filled


def _lookup(expression: str, scope: Scope, depth: int) -> Any:
    """Return the value of `var.x`, `local.x`, of a part of them, or of a literal."""
    if re.fullmatch(r'"[^"$]*"', expression):
        return expression[1:-1]
    match = re.fullmatch(r"(var|local)\.([\w-]+)((?:\.[\w-]+)*)", expression)
    if match is None:
        return None
    value = _known(match[1], match[2], scope, depth - 1)
    for part in filter(None, match[3].split(".")):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _known(sort: str, name: str, scope: Scope, depth: int) -> Any:
    """Return a variable or a local, evaluated once; a name that leads back to itself is unknown."""
    key = f"{sort}.{name}"
    if key not in scope.known:
        scope.known[key] = None
        raw, where = _raw(sort, name, scope)
        scope.known[key] = None if is_secret(name) else evaluate(raw, where, depth)
    return scope.known[key]


def _raw(sort: str, name: str, scope: Scope) -> tuple[Any, Scope]:
    """Return the expression behind a variable or a local, and the scope that it is written in."""
    if sort == "local":
        return scope.folder.locals.get(name), scope
    if name in scope.arguments:
        return scope.arguments[name], scope.parent or scope
    return scope.folder.defaults.get(name), scope


def references(value: Any, scope: Scope) -> frozenset[str]:
    """Return the addresses of the resources that an expression names, through variables, locals and modules."""
    found: frozenset[str] = frozenset()
    for text in strings(value):
        for match in _TRAVERSAL.findall(text[:20_000]):
            found |= _named(re.sub(r"\[[^\]]*\]", "", match).split("."), scope)
    return found


def _named(parts: list[str], scope: Scope) -> frozenset[str]:
    """Return the resources behind `aws_vpc.main.id`, `var.x`, `local.x` or `module.m.out`."""
    head, name = parts[0], parts[1]
    if (head, name) in scope.folder.resources:
        return frozenset({f"{scope.prefix}{head}.{name}"})
    if head not in ("var", "local", "module"):
        return frozenset()
    key = ".".join(parts[: 3 if head == "module" else 2])
    if key not in scope.named:
        scope.named[key] = frozenset()  # a name that leads back to itself names nothing
        if head != "module":
            raw, where = _raw(head, name, scope)
            scope.named[key] = references(raw, where)
        elif name in scope.children and len(parts) > 2:
            child = scope.children[name]
            scope.named[key] = references(child.folder.outputs.get(parts[2]), child)
    return scope.named[key]
