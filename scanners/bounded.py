"""Files of strangers, read within bounds: a size limit here, and a parser in a process of its own that may die.

One process serves a whole scan; when a file kills it, or it thinks too long, that file is a `Problem` and the next file
gets a new process. Measured reason: the C loader of YAML crashes the interpreter at 100,000 levels of nesting, and
a merge-key bomb burns CPU for minutes.
"""

from __future__ import annotations

import json
import os
import select
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from ontology.errors import NotAllowed, NotFound
from scanners.protocol import Problem

SIZE = 2 * 1024 * 1024
"""Bytes a file may have."""
SECONDS = 15.0
"""Seconds one file may take to parse."""
FILES = 5_000
"""Files one scan reads."""
_NOT_OURS = {
    ".git",
    ".hg",
    ".svn",
    "node_modules",
    ".venv",
    "venv",
    "__pycache__",
    ".tox",
    ".terraform",
    ".idea",
    ".mypy_cache",
}


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its content, and where each value stands."""

    path: str
    """Path relative to the target."""
    content: Any
    lines: Mapping[str, int]
    """Path of a value (`services/cart/image`) to its line, from 1."""

    def at(self, path: str = "") -> str:
        """Return `file:line` of the value at that path, or of the nearest value above it."""
        while path and path not in self.lines:
            path = path.rpartition("/")[0]
        line = self.lines.get(path)
        return f"{self.path}:{line}" if line else self.path


def folder(target: Path) -> Path:
    """Return the target if it can be listed.

    Raises:
        NotFound: there is no such file or folder.
        NotAllowed: it may not be read.
    """
    if not target.exists():
        raise NotFound(f"There is nothing at {target}.", next_step="Name a folder that exists, or a file in it.")
    if not os.access(target, os.R_OK | (os.X_OK if target.is_dir() else 0)):
        raise NotAllowed(f"{target} may not be read.", next_step="Give yourself read permission on it, or scan a copy.")
    return target


def files(target: Path, *suffixes: str) -> Iterator[Path]:
    """Yield the files below the target with one of the suffixes, sorted, at most `FILES`; no link is followed."""
    if target.is_file():
        yield target
        return
    count = 0
    closed: list[str] = []
    for root, folders, names in os.walk(target, followlinks=False, onerror=lambda error: closed.append(error.filename)):
        folders[:] = sorted(each for each in folders if each not in _NOT_OURS)
        for name in sorted(names):
            path = Path(root, name)
            if name.endswith(suffixes) and not path.is_symlink():
                count += 1
                if count > FILES:
                    return
                yield path
    yield from map(Path, closed)  # a folder that may not be listed: reading it says why


def text_of(path: Path, shown: str) -> str | Problem:
    """Return the text of a file, or the reason why it cannot be used."""
    try:
        known = path.stat()
        if not stat.S_ISREG(known.st_mode):  # a pipe would keep us waiting, a device never ends
            return Problem(shown, "no regular file")
        if known.st_size <= SIZE:
            with path.open("rb") as file:
                content = file.read(SIZE + 1)  # whatever its size was a moment ago
            if len(content) <= SIZE:
                return content.decode("utf-8-sig")
        return Problem(shown, f"larger than {SIZE // 1024 // 1024} MB")
    except UnicodeDecodeError:
        return Problem(shown, "not UTF-8 text")
    except OSError as error:
        return Problem(shown, error.strerror or "cannot be read")


def shown(path: Path, target: Path) -> str:
    """Return the path as facts and problems name it: relative to the target."""
    base = target if target.is_dir() else target.parent
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name


@dataclass(slots=True)
class Parser:
    """Parses YAML and HCL in another process. Use as a context manager; start-up is paid at the first file."""

    seconds: float = SECONDS
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> Parser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, path: Path, target: Path, kind: str = "yaml") -> tuple[Document, ...] | Problem:
        """Return the documents of a file, or the reason why it is set aside."""
        name = shown(path, target)
        text = text_of(path, name)
        return text if isinstance(text, Problem) else self.parse(text, name, kind)

    def parse(self, text: str, name: str, kind: str = "yaml") -> tuple[Document, ...] | Problem:
        """Return the documents of a text, or the reason why it is set aside."""
        reply = self._ask(kind, text.encode())
        if isinstance(reply, str):
            return Problem(name, reply)
        if "error" in reply:
            return Problem(name, str(reply["error"]))
        return tuple(
            Document(name, content, lines) for content, lines in zip(reply["documents"], reply["lines"], strict=True)
        )

    def _ask(self, kind: str, body: bytes) -> dict[str, Any] | str:
        """Return the worker's reply, or the reason why there is none.

        A worker that had served before may have died of an earlier file: a new one gets a second try.
        """
        fresh = self._process is None
        process = self._process or self._start()
        try:
            self._send(process, f"{kind} {len(body)}\n".encode() + body)
            reply: dict[str, Any] = json.loads(self._receive(process, time.monotonic() + self.seconds))
        except TimeoutError:
            self._end()
            return f"took longer than {self.seconds:g} seconds to parse"
        except (OSError, EOFError, ValueError):
            self._end()
            return "the parser died on it: too deep, too large, or made to harm" if fresh else self._ask(kind, body)
        return reply

    def _send(self, process: subprocess.Popen[bytes], request: bytes) -> None:
        """Write all of a request; a pipe may take it in parts."""
        assert process.stdin is not None
        rest = memoryview(request)
        while rest:
            rest = rest[process.stdin.write(rest) :]

    def _receive(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        """Return the bytes of one reply.

        Raises:
            TimeoutError: it did not come in time.
            EOFError: the process ended.
        """
        assert process.stdout is not None
        received = b""
        length = -1
        while length < 0 or len(received) < length:
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            chunk = os.read(process.stdout.fileno(), 1 << 20)
            if not chunk:
                raise EOFError
            received += chunk
            if length < 0 and b"\n" in received:
                header, received = received.split(b"\n", 1)
                length = int(header)
        return received

    def _start(self) -> subprocess.Popen[bytes]:
        """Start a worker, with nothing of our environment."""
        self._process = subprocess.Popen(  # our own module, no shell
            [sys.executable, "-I", "-m", "scanners.yaml_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            bufsize=0,
        )
        return self._process

    def _end(self) -> None:
        """Let the worker go."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
