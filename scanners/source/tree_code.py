"""From a syntax tree to an outline: functions, calls, looks into objects, assignments, strings. Pure.

One walk for every language; what its nodes mean stands in its table (`scanners.source.languages`). The walk keeps
its own stack, so that no nesting is too deep for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scanners.source.languages.grammar import Language, parse
from scanners.source.nouns import Symbol
from scanners.source.outline import Argument, Assignment, Call, Function, Look, Outline, Text

if TYPE_CHECKING:
    from tree_sitter import Node

NODES = 600_000
"""Nodes that a tree may have."""
_LISTS = frozenset({"expression_list", "left_assignment_list", "right_assignment_list", "multi_variable_declaration"})
_BLOCK = re.compile(r"(?:\w*_)?(?:block|body|then|else|statement_list|compound_statement)")
_RETURN = re.compile(r"return(?:_statement|_expression)?|jump_expression")
_EITHER = frozenset({"||", "??", "?:", "?", "or"})
_EITHERS = frozenset(
    {"binary_expression", "binary", "binary_operator", "conditional_expression", "elvis_expression", "conditional"}
)
_PATH = re.compile(r"[@$&*:]*[A-Za-z_][\w.:>$?!\-]*")
_OBJECT = re.compile(rb"(\w+)(?:\(\))?(?:\?|!!)?(?:\.|->|::)$")
_LAST = re.compile(r"([A-Za-z_]\w*)[?!]*$")


def outline(text: str, language: Language) -> Outline:
    """Return what stands in a source text.

    Raises:
        SyntaxError: most of it is not of that language.
        ValueError: it is binary, too large a tree, or takes too long.
    """
    if "\0" in text:
        raise ValueError("binary")
    source = text.encode()
    root = parse(source, language).root_node
    found = _Walk(source, language)
    found.walk(root)
    if root.type == "ERROR" and len(found.outline.functions) == 1:  # macros may break the whole, and leave its parts
        raise SyntaxError("cannot be parsed")
    return found.outline


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands: its function, and the names that qualify one."""

    function: int = 0
    path: tuple[str, ...] = ()
    scope: str = ""
    block: tuple[int, int] = (0, 1 << 40)


class _Walk:
    """One walk over a tree."""

    def __init__(self, source: bytes, language: Language) -> None:
        self.source = source
        self.language = language
        self.outline = Outline()
        self._named: dict[int, str] = {}
        self._written: set[int] = set()
        self._called: set[int] = set()
        self._dull: set[str] = set()
        """Types of nodes that mean nothing here."""
        tagged = {kind for kind, _ in language.tags}
        self._meant = tagged | language.functions | language.lambdas | language.scopes | language.calls
        self._meant |= language.assignments | language.names | _EITHERS

    def walk(self, root: Node) -> None:
        """Visit every node once, parents first, in the order of the text."""
        stack: list[tuple[Node, _Place]] = [(root, _Place())]
        count = 0
        while stack:
            node, place = stack.pop()
            if node.type in self.language.skipped or self._is_prose(node):
                continue
            count += 1
            if count > NODES:
                raise ValueError(f"has more than {NODES} nodes")
            inner = place if node.type in self._dull else self._visit(node, place)
            stack.extend((child, inner) for child in reversed(node.named_children))

    def _is_prose(self, node: Node) -> bool:
        start = node.start_byte
        return node.type in ("unary_operator", "unary_expression") and bool(
            self.language.prose.match(self.source[start : start + 20].decode(errors="replace"))
        )

    def text(self, node: Node) -> str:
        """Return the text of a node."""
        return self.source[node.start_byte : node.end_byte].decode(errors="replace")

    def _visit(self, node: Node, place: _Place) -> _Place:
        kind, language = node.type, self.language
        if kind in language.functions:
            return self._function(node, self._name_of(node), place)
        if kind in language.lambdas and node.id in self._named:
            return self._function(node, self._named[node.id], place)
        if kind in language.scopes:
            return self._scope(node, place)
        if kind in language.calls:
            if language.definers and (target := _field(node, "target")) and self.text(target) in language.definers:
                return self._definition(node, self.text(target), place)
            self._call(node, place)
        if kind in language.assignments:
            self._assign(node, place)
        if kind in language.subscripts or kind in language.members:
            self._look(node, place)
        elif kind in language.strings:
            self._string(node, place)
        elif kind == "token_tree":
            self._tokens(node, place)
        elif (kind in language.names and node.child_count == 0) or kind in ("instance_variable", "class_variable"):
            self._word(node)
        elif _RETURN.fullmatch(kind):
            self._returned(node, place.function)
        elif _BLOCK.fullmatch(kind):
            return replace(place, block=(node.start_byte, node.end_byte))
        elif kind not in self._meant:
            self._dull.add(kind)
        self._default(node)
        for tagged, pattern in language.tags:
            if kind == tagged and (match := pattern.search(self.text(node)[:1_000])):
                name = match[1] if match[1].isupper() else re.sub(r"[.\-]", "_", match[1]).upper()
                self.outline.tags.append((name, node.start_point.row + 1, place.function, self._tagged(node)))
        return place

    def _word(self, node: Node) -> None:
        start = node.start_byte
        self.outline.words.append((start, self.text(node).lstrip("@$")))
        if self.source[start - 1 : start] in (b".", b":", b">") and (
            before := _OBJECT.search(self.source[max(0, start - 80) : start])
        ):
            self.outline.members[start] = before[1].decode()

    def _tagged(self, node: Node) -> str:
        """Return the name of the field or parameter that an annotation or a struct tag stands at."""
        around = node.next_named_sibling if node.type == "attribute_item" else node.parent
        for _ in range(3):
            if around is None:
                break
            fields = map(around.child_by_field_name, ("name", "declarator"))
            if (found := next((each for each in fields if each), None)) is not None:
                return self._first_name(found)
            around = around.parent
        return ""

    # functions and what qualifies them

    def _function(self, node: Node, name: str, place: _Place, parameters: Node | None = None) -> _Place:
        scope, path = place.scope, place.path
        receiver = _field(node, "receiver")
        if receiver and (kind := re.search(r"(\w+)(?:\[.*\])?\s*\)$", self.text(receiver))):
            scope, path = kind[1], (*path, kind[1])
        path = (*path, *name.split("."))
        names = self._parameters(parameters or self._parameter_list(node))
        span = node.start_byte, node.end_byte
        self.outline.functions.append(Function(path[-1], scope or ".".join(path[:-1]), names, place.function, span))
        self._ends_with(node, len(self.outline.functions) - 1)
        self.outline.symbols.append(Symbol(".".join(path), node.start_point.row + 1, node.end_point.row + 1))
        return _Place(len(self.outline.functions) - 1, path)

    def _returned(self, node: Node, function: int) -> None:
        """Keep what a function gives back, where it is one expression."""
        given = [each for each in node.named_children if each.type not in self.language.skipped]
        if len(given) == 1 and given[0].type in _LISTS:
            given = given[0].named_children[:1]  # Go: the value before its error
        if len(given) == 1 and function:
            self.outline.returns.append((self.argument(given[0]), function))

    def _ends_with(self, node: Node, function: int) -> None:
        """Keep the last expression of a function: some languages give it back without a word."""
        body = _field(node, "body") or next(
            (each for each in node.named_children if each.type == "function_body"), None
        )
        for _ in range(3):  # a block in a body in a function
            if body is None or not (_BLOCK.fullmatch(body.type) or body.type == "arrow_expression_clause"):
                break
            body = body.named_children[-1] if body.named_children else None
        if body is not None and not _RETURN.fullmatch(body.type) and not _BLOCK.fullmatch(body.type):
            self.outline.returns.append((self.argument(body), function))

    def _name_of(self, node: Node) -> str:
        named = _field(node, "name")
        if named is None:  # C++: inside the declarators
            named = node
            while named and named.type != "function_declarator" and (inner := _declarator(named)):
                named = inner
            named = _field(named, "declarator") or (named if named is not node else None)
        if named is None:
            return {"secondary_constructor": "constructor"}.get(node.type, node.type)
        return _bare(self.text(named)).replace("::", ".").strip(".") or node.type

    def _scope(self, node: Node, place: _Place) -> _Place:
        named = _field(node, "name") or _field(node, "type")
        if named is None:
            return place
        name = _bare(self.text(named)).replace("::", ".")
        heads = ("primary_constructor", "class_parameters", "parameter_list", "formal_parameters")
        head = next((each for each in node.named_children if each.type in heads), None)
        if head is not None and head.type == "primary_constructor":
            head = next((each for each in head.named_children if each.type == "class_parameters"), head)
        if head is not None:
            span = node.start_byte, node.end_byte
            self.outline.makers.append(Function(name, name, self._parameters(head), place.function, span))
        return _Place(place.function, (*place.path, name), name)

    def _definition(self, node: Node, definer: str, place: _Place) -> _Place:
        arguments = self._arguments_of(node)
        head = arguments.named_children[0] if arguments and arguments.named_children else None
        if head is None:
            return place
        if definer in ("defmodule", "defimpl", "defprotocol"):
            name = self.text(head)
            return _Place(place.function, (*place.path, name), name)
        if head.type == "binary_operator":
            head = _field(head, "left") or head
        target = _field(head, "target") or head
        return self._function(node, _bare(self.text(target)), place, self._arguments_of(head) or target)

    def _parameter_list(self, node: Node) -> Node | None:
        found = _field(node, "parameters") or _field(node, "parameter")
        if found is None and (declarator := _declarator(node)):
            while declarator.type != "function_declarator" and (inner := _declarator(declarator)):
                declarator = inner
            found = _field(declarator, "parameters")
        return found or next((each for each in node.named_children if each.type == "function_value_parameters"), None)

    def _parameters(self, node: Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        if node.child_count == 0:
            return (self.text(node).lstrip("$"),) if node.type in self.language.names else ()
        names: list[str] = []
        for each in node.named_children:
            if each.type in ("self_parameter", "receiver_parameter") or each.type in self.language.skipped:
                continue
            several = each.children_by_field_name("name")
            if several:
                names.extend(self.text(one).lstrip("$") for one in several)
            else:
                part = next((p for p in map(each.child_by_field_name, ("pattern", "declarator", "left")) if p), each)
                names.append(self._first_name(part))
        return tuple(names)

    def _first_name(self, node: Node) -> str:
        """Return the first name in a node, looking at no more than fifty nodes."""
        stack = [node]
        for _ in range(50):
            if not stack:
                break
            each = stack.pop()
            if each.type in self.language.names and each.child_count == 0:
                return self.text(each)
            stack.extend(reversed(each.named_children))
        return ""

    # calls

    def _arguments_of(self, node: Node) -> Node | None:
        found = _field(node, "arguments")
        return found or next((each for each in node.named_children if each.type in self.language.arguments), None)

    def _call(self, node: Node, place: _Place) -> None:
        arguments = self._arguments_of(node)
        end = arguments.start_byte if arguments else node.end_byte
        given = self._given(arguments) if arguments else ()
        line = (arguments or node).start_point.row + 1
        callee = _squeezed(self.source[max(node.start_byte, end - 400) : end])
        if (function := _field(node, "function")) is not None:
            self._called.add(function.id)
        self.outline.calls.append(Call(callee, given, node.start_byte, node.end_byte, line, place.function))

    def _given(self, arguments: Node) -> tuple[Argument, ...]:
        if arguments.type != "token_tree":
            return tuple(
                self.argument(each) for each in arguments.named_children if each.type not in self.language.skipped
            )
        given: list[Argument] = []
        group: list[Node] = []
        for each in (*arguments.children[1:-1], None):
            if each is not None and each.type != ",":
                group.append(each)
            elif group:
                one = self.argument(group[0]) if len(group) == 1 else None
                given.append(one or Argument(group[0].start_byte, group[-1].end_byte))
                group = []
        return tuple(given)

    def _tokens(self, node: Node, place: _Place) -> None:
        """Find the calls in a macro: a path before parentheses."""
        children = node.children
        path = ("identifier", "::", ".", "!", "self", "crate", "super", "token_tree")
        for index in range(1, len(children)):
            if children[index].type != "token_tree" or children[index - 1].type not in ("identifier", "!"):
                continue
            first = index
            while first > 0 and index - first < 40 and children[first - 1].type in path:
                first -= 1
            start, end = children[first].start_byte, children[index].start_byte
            callee = _squeezed(self.source[max(start, end - 400) : end])
            line, given = children[index].start_point.row + 1, self._given(children[index])
            self.outline.calls.append(Call(callee, given, start, children[index].end_byte, line, place.function))

    def argument(self, node: Node) -> Argument:
        """Return an expression as the walk keeps it."""
        start, end = node.start_byte, node.end_byte
        while node.type in self.language.wrappers and node.named_child_count:
            node = node.named_children[-1]
        if node.type in ("pair", "keyword_argument", "keywords") and (value := _field(node, "value")):
            node = value
        if node.type in self.language.strings or node.type == "preproc_arg":
            literal = self._literal(node)
            return Argument(start, end, None if "\0" in literal else literal)
        text = _squeezed(self.source[node.start_byte : node.end_byte]) if node.end_byte - node.start_byte < 200 else ""
        last = _LAST.search(text) if _PATH.fullmatch(text) else None
        out = text.startswith("&") or self.source[start:end].startswith((b"out ", b"ref "))
        number = int(text) if text.isdecimal() and text.isascii() and len(text) < 6 else None
        return Argument(start, end, None, last[1] if last else None, out, number)

    # looks, assignments, strings

    def _look(self, node: Node, place: _Place) -> None:
        if node.id in self._written or node.id in self._called or node.named_child_count < 2:
            return
        inside, key = node.named_children[0], node.named_children[-1]
        if inside.end_byte - inside.start_byte > 80:
            return
        while key.type in ("bracketed_argument_list", *self.language.wrappers) and key.named_child_count:
            key = key.named_children[-1]
        member = node.type in self.language.members
        named = Argument(key.start_byte, key.end_byte, self.text(key)) if member else self.argument(key)
        self._keep_look(self.text(inside), named, node, place)

    def _keep_look(self, inside: str, key: Argument, node: Node, place: _Place) -> None:
        line = self.source.count(b"\n", node.start_byte, key.start) + node.start_point.row + 1
        squeezed = re.sub(r"\s+", "", inside).replace("?.", ".").replace("!!", "")
        self.outline.looks.append(Look(squeezed, key, node.start_byte, node.end_byte, line, place.function))

    def _assign(self, node: Node, place: _Place) -> None:
        target, value = self._sides(node)
        if target is None or value is None or target.id == value.id:
            return
        if not any(child.type == "||=" for child in node.children):  # Ruby takes what is set, and sets what is not
            self._written.add(target.id)
        if target.type == "object_pattern":
            self._unpack(target, value, place, node.type)
            return
        targets = target.named_children if target.type in _LISTS else [target]
        values = value.named_children if value.type in _LISTS else [value]
        for index, each in enumerate(targets):
            if each.id != target.id:
                self._written.add(each.id)
            given = values[index] if len(values) == len(targets) else value
            self._keep_assignment(each, given, place, node.type)

    def _keep_assignment(self, target: Node, value: Node, place: _Place, kind: str) -> None:
        text = self.text(target).strip() if target.end_byte - target.start_byte < 200 else ""
        inside = re.match(r"([\w.$@>\-]+)\[", text)
        name = _LAST.search(inside[1] if inside else text.strip("\"':"))
        if name is None:
            return
        if value.type in self.language.lambdas:
            self._named[value.id] = name[1]
            return
        local = text.lstrip("$") == name[0] and target.type not in ("field_identifier", "property_identifier")
        short = self.text(value)[:80] if value.end_byte - value.start_byte < 80 else ""
        declared = not self.language.declares or kind in self.language.declares
        block = (0, 0) if inside else place.block
        squeezed = re.sub(r"\s+", "", short)
        found = Assignment(name[1], local, self.argument(value), squeezed, place.function, block, declared)
        self.outline.assignments.append(found)

    def _sides(self, node: Node) -> tuple[Node | None, Node | None]:
        if node.type == "unary_operator":  # Elixir's @name value
            operand = _field(node, "operand")
            given = self._arguments_of(operand) if operand and operand.type == "call" else None
            named = given.named_children if given else []
            return (_field(operand, "target") if operand else None), (named[0] if len(named) == 1 else None)
        operator = _field(node, "operator")
        if node.type == "binary_operator" and (operator is None or operator.type != "="):
            return None, None
        fields = ("left", "name", "pattern", "declarator", "key", "field")
        target = next((found for found in map(node.child_by_field_name, fields) if found), None)
        value = _field(node, "right") or _field(node, "value") or _field(node, "default_value")
        named = [each for each in node.named_children if each.type not in ("modifiers", "comment", "type_annotation")]
        if target is None and named:
            target = next((each for each in named if each.type.endswith("variable_declaration")), named[0])
        return target, value or (named[-1] if named else None)

    def _unpack(self, pattern: Node, value: Node, place: _Place, kind: str) -> None:
        """Keep `{A, B: b, C = "x"} = value` as looks into the value."""
        for each in pattern.named_children:
            key = _field(each, "key") or _field(each, "left") or each
            name = _field(each, "value") or _field(each, "left") or each
            for origin in (value, key):
                self._keep_assignment(name, origin, replace(place, block=(0, 0)), kind)
            if key.type == "object_pattern" or value.end_byte - value.start_byte > 80:
                continue
            self._keep_look(self.text(value), Argument(key.start_byte, key.end_byte, self.text(key)), key, place)
            default = _field(each, "right")
            if default and default.type in self.language.strings:
                self.outline.defaults[key.start_byte, key.end_byte] = self._literal(default)

    def _string(self, node: Node, place: _Place) -> None:
        text = self._literal(node)
        line = node.start_point.row + 1
        self.outline.texts.append(Text(node.start_byte, text, line, place.function))
        self.outline.words.extend((node.start_byte, match[1]) for match in self.language.inlined.finditer(text[:2_000]))

    def _literal(self, node: Node) -> str:
        """Return the text of a string, a NUL for what is filled in."""
        parts = node.named_children
        if not parts:
            return re.sub(r"^(?:[A-Za-z@$#]*[\"'`]+|:)|[\"'`]+#*$", "", self.text(node))
        plain = ("content", "fragment", "escape_sequence")
        return "".join(self.text(each) if each.type.endswith(plain) else "\0" for each in _without_marks(parts))

    def _default(self, node: Node) -> None:
        """Keep the literal on the other side of an or."""
        if node.type not in _EITHERS or node.child_count < 3:
            return
        left, right = node.named_children[0], node.named_children[-1]
        if right.type in self.language.strings and any(child.type in _EITHER for child in node.children):
            literal = self._literal(right)
            if "\0" not in literal:
                self.outline.defaults[left.start_byte, left.end_byte] = literal


def _field(node: Node | None, name: str) -> Node | None:
    return None if node is None else node.child_by_field_name(name)


def _declarator(node: Node) -> Node | None:
    """Return the next declarator inside; a reference keeps its own without a field."""
    inside = (each for each in node.named_children if each.type.endswith("declarator"))
    return _field(node, "declarator") or next(inside, None)


def _without_marks(parts: list[Node]) -> Iterator[Node]:
    """Yield the parts of a string without the marks that open and close it."""
    return (each for each in parts if not each.type.endswith(("_start", "_end", "encoding", "delimiter")))


def _bare(name: str) -> str:
    """Return a name without what stands in brackets: type parameters."""
    return re.sub(r"[<\[].*", "", name, flags=re.DOTALL).strip()


def _squeezed(source: bytes) -> str:
    """Return code without spaces, safe navigation and type arguments."""
    text = re.sub(r"\s+", "", source.decode(errors="replace")).replace("?.", ".").replace("!!", "")
    return re.sub(r"(?:::)?<[^<>()]*>$", "", text)
