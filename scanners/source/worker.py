"""The process that understands code for `reading`, and may die of it. Run as `python -m scanners.source.worker`.

Reads one request of JSON from standard input: suffix -> {file -> text}. Answers lines of JSON: `{"at": file}` before
it touches a file, `{"file": ..., "symbols": [...]}` or `{"file": ..., "error": ..., "line": ...}`; at last
`{"done": true}`.
A crash, an endless loop or a memory bomb costs the file that it was at.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import resource
import sys
from typing import Any, TextIO

from scanners.source.nouns import Module
from scanners.source.readers import READERS

MEMORY = 4 * 1024 * 1024 * 1024
"""Bytes of address space."""


def answer(name: str, found: Module | Exception) -> dict[str, Any]:
    """Return what was found in a file, or what is wrong with it, for JSON."""
    if isinstance(found, Module):
        return {"file": name, "symbols": [dataclasses.asdict(symbol) for symbol in found.symbols]}
    line = found.lineno or 1 if isinstance(found, SyntaxError) else None
    reason = found.msg if isinstance(found, SyntaxError) else str(found)
    return {"file": name, "error": reason or "nests too deep", "line": line}


def serve(request: TextIO, replies: TextIO) -> None:
    """Answer one request."""

    def say(reply: dict[str, Any]) -> None:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    for suffix, texts in json.load(request).items():
        for name, found in READERS[suffix][1](texts, lambda each: say({"at": each})):
            say(answer(name, found))
    say({"done": True})


if __name__ == "__main__":
    with contextlib.suppress(ValueError, OSError):  # macOS knows no limit of address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin, sys.stdout)
