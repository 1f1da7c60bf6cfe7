"""The process that parses files for `bounded`, and may die doing so. Run as `python -m scanners.yaml_worker`.

Reads requests from standard input (`kind length` on a line, then that many bytes), answers on standard output
(`length` on a line, then that many bytes of JSON): `{"documents": [...], "lines": [{path: line}, ...]}` or
`{"error": sentence}`. It has no other duty, so that a crash, an endless loop or a memory bomb costs one file.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import sys
from typing import Any, BinaryIO

import yaml

MEMORY = 768 * 1024 * 1024
"""Bytes of address space."""
CPU_SECONDS = 10
"""CPU seconds for one file."""
DEPTH = 100
"""Levels of nesting."""
VALUES = 200_000
"""Values after aliases are expanded."""
BLOCK = re.compile(r'^[ \t]*(resource|module)[ \t]+"([^"\n]+)"(?:[ \t]+"([^"\n]+)")?', re.MULTILINE)
"""Where a block of HCL begins: `resource "aws_sqs_queue" "orders"`."""

Lines = dict[str, int]


class PlainLoader(yaml.CSafeLoader):
    """YAML as written: `yes` and dates stay text, `22:22` is no number in base sixty, unknown tags are dropped."""


PlainLoader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0].rsplit(":", 1)[1] in {"null", "merge", "float"}]
    for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)


def _untagged(loader: yaml.CSafeLoader, _suffix: str, node: yaml.Node) -> Any:
    """Return the value of a node whose tag we do not know (`!reset`, `!Ref`)."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


PlainLoader.add_multi_constructor("!", _untagged)


def check_depth(text: str) -> None:
    """Refuse text that nests too deep, before the composer, which is recursive, sees it.

    Raises:
        ValueError: it nests deeper than `DEPTH`.
    """
    depth = 0
    for event in yaml.parse(text, Loader=PlainLoader):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
            if depth > DEPTH:
                raise ValueError(f"nests deeper than {DEPTH} levels")
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1


def size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node has once its aliases are expanded; `known` keeps what was counted.

    Raises:
        ValueError: more than `VALUES`, or the node holds itself.
    """
    if id(node) in known:
        if known[id(node)] < 0:
            raise ValueError("an alias leads back to itself")
        return known[id(node)]
    known[id(node)] = -1
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = list(node.value)
    total = 1 + sum(size(child, known) for child in children)
    if total > VALUES:
        raise ValueError(f"expands to more than {VALUES:,} values: an alias bomb or no configuration")
    known[id(node)] = total
    return total


def mark_lines(node: yaml.Node, path: str, lines: Lines) -> None:
    """Write down at which line each value stands, by its path: `services/cart/environment/0`."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f"{path}/{key.value}" if path else str(key.value)
            lines[below] = key.start_mark.line + 1
            mark_lines(value, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            below = f"{path}/{index}"
            lines[below] = value.start_mark.line + 1
            mark_lines(value, below, lines)


def parse_yaml(text: str) -> dict[str, Any]:
    """Return the documents of a YAML text and the line of each value.

    Raises:
        yaml.YAMLError, ValueError, RecursionError: it is broken, or too much.
    """
    check_depth(text)
    loader = PlainLoader(text)
    documents: list[Any] = []
    every: list[Lines] = []
    counted: dict[int, int] = {}
    total = 0
    while loader.check_node():
        node = loader.get_node()
        if node is None:
            continue
        counted.clear()
        total += size(node, counted)
        if total > VALUES:
            raise ValueError(f"holds more than {VALUES:,} values")
        lines: Lines = {}
        mark_lines(node, "", lines)
        lines[""] = node.start_mark.line + 1
        documents.append(loader.construct_document(node))
        every.append(lines)
    return {"documents": documents, "lines": every}


def parse_hcl(text: str) -> dict[str, Any]:
    """Return the one document of an HCL text.

    Raises:
        Exception: whatever the grammar says; python-hcl2 has no base class for it.
    """
    import hcl2

    depth = deepest = 0
    for char in text:
        depth += (char in "{[(") - (char in "}])")
        deepest = max(deepest, depth)
    if deepest > DEPTH:
        raise ValueError(f"nests deeper than {DEPTH} levels")
    lines = {
        "/".join(filter(None, match.groups())): text.count("\n", 0, match.start()) + 1 for match in BLOCK.finditer(text)
    }
    return {"documents": [hcl2.loads(text)], "lines": [lines]}


def parse_json(text: str) -> dict[str, Any]:
    """Return the one document of a JSON text.

    Raises:
        ValueError, RecursionError: it is broken, or too much.
    """
    content = json.loads(text)
    level, depth, count = [content], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > DEPTH or count > VALUES:
            raise ValueError(f"nests deeper than {DEPTH} levels, or holds more than {VALUES:,} values")
        level = [
            part
            for each in level
            if isinstance(each, dict | list)
            for part in (each.values() if isinstance(each, dict) else each)
        ]
    return {"documents": [content], "lines": [{}]}


def answer(kind: str, text: str) -> bytes:
    """Return the reply to one request as JSON; what is wrong with the file is part of the reply."""
    try:
        found = {"hcl": parse_hcl, "json": parse_json}.get(kind, parse_yaml)(text)
        return json.dumps(found, default=str, skipkeys=True).encode()
    except yaml.MarkedYAMLError as error:
        where = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        reason = f"{error.problem or error.context or 'broken YAML'}{where}"
    except RecursionError:
        reason = "nests too deep"
    except MemoryError:
        reason = "needs too much memory"
    except Exception as error:  # RUF100: this process exists to turn whatever a parser raises into a sentence
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return json.dumps({"error": reason}).encode()


def limit_cpu() -> None:
    """Allow `CPU_SECONDS` more from now on: the limit counts the whole life of the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_SECONDS, hard))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while header := requests.readline():
        kind, length = header.decode().split()
        text = requests.read(int(length)).decode()
        limit_cpu()
        reply = answer(kind, text)
        replies.write(f"{len(reply)}\n".encode() + reply)
        replies.flush()


if __name__ == "__main__":
    with contextlib.suppress(ValueError, OSError):  # macOS knows no limit of address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
