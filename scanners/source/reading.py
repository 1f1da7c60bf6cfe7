"""Code of strangers, understood within bounds: in a process of its own that may die, one file at the most with it.

The process says which file it is at. When it ends early, or is at one file for too long, that file is set aside with
the reason, and a new process reads the rest: files of one language are understood together, so it begins anew.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any

from scanners.protocol import Problem
from scanners.source.nouns import Client, FlagRead, HostText, Module, Read, Symbol

SECONDS = 30.0
"""Seconds that one file may take."""
DEATHS = 20
"""Files that may break the process; what is left of their language after so many is not read."""

Texts = Mapping[str, Mapping[str, str]]
"""Suffix to file to text."""


def understood(texts: Texts, *, seconds: float = SECONDS) -> tuple[dict[str, Module], list[Problem]]:
    """Return what each file says, and the files that are set aside with the reason."""
    modules: dict[str, Module] = {}
    problems: list[Problem] = []
    for suffix, files in texts.items():
        left = dict(files)
        for _ in range(DEATHS):
            if not left:
                break
            found, wrong, broke = _read(suffix, left, seconds)
            if broke is None:
                modules |= found
                problems += wrong
                break
            problems.append(broke)
            left.pop(broke.where, None)
        else:
            problems += (Problem(name, f"not read: {DEATHS} files before it broke the reader") for name in left)
    return modules, problems


def _read(
    suffix: str, files: Mapping[str, str], seconds: float
) -> tuple[dict[str, Module], list[Problem], Problem | None]:
    """Return what one process says of the files, and the file that broke it, if one did."""
    found: dict[str, Module] = {}
    wrong: list[Problem] = []
    at = next(iter(files), "")
    try:
        for reply in _replies({suffix: files}, seconds):
            if "at" in reply:
                at = reply["at"]
            elif "symbols" in reply:
                found[reply["file"]] = Module(tuple(_symbol(each) for each in reply["symbols"]))
            elif "error" in reply:
                where = f"{reply['file']}:{reply['line']}" if reply["line"] else reply["file"]
                wrong.append(Problem(where, f"no {suffix[1:]}: {reply['error']}" if reply["line"] else reply["error"]))
    except TimeoutError:
        return {}, [], Problem(at, f"took longer than {seconds:g} seconds to understand")
    except EOFError:
        return {}, [], Problem(at, "the reader died on it: too deep, too large, or made to harm")
    return found, wrong, None


def _symbol(told: Mapping[str, Any]) -> Symbol:
    """Return a symbol from its JSON."""
    return Symbol(
        told["name"],
        told["line"],
        told["end_line"],
        [Read(**each) for each in told["reads"]],
        [FlagRead(**each) for each in told["flags"]],
        [
            Client(each["line"], tuple(each["variables"]), tuple((host, port) for host, port in each["hosts"]))
            for each in told["clients"]
        ],
        [HostText(**each) for each in told["hosts"]],
    )


def _replies(request: Texts, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield the replies of a worker to a request, until it is done.

    Raises:
        TimeoutError: it said nothing for so many seconds.
        EOFError: it ended before it was done.
    """
    with tempfile.TemporaryFile() as told:
        told.write(json.dumps(request).encode())
        told.seek(0)
        process = subprocess.Popen(  # our own module, no shell, nothing of our environment
            [sys.executable, "-I", "-m", "scanners.source.worker"],
            stdin=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            bufsize=0,
        )
        try:
            for line in _lines(process, seconds):
                reply: dict[str, Any] = json.loads(line)
                if "done" in reply:
                    return
                yield reply
            raise EOFError
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _lines(process: subprocess.Popen[bytes], seconds: float) -> Iterator[bytes]:
    """Yield the lines that a process writes, each within so many seconds of the one before."""
    assert process.stdout is not None
    rest = b""
    end = time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise TimeoutError
        chunk = os.read(process.stdout.fileno(), 1 << 20)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        end = time.monotonic() + seconds
