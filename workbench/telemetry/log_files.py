"""Log files: plain lines, JSON lines, rotated and compressed ones, and what the journal exports as JSON.

    LogFiles({"/var/log/shop/payment*.log": "payment"}).ask(Question(Modality.LOGS, window, about=(payment,)))

The journal of another machine comes as a file (`journalctl -o json > journal.json`); that of this one is read by
`journald`. `what`, where given, is a text that lines must hold.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from ontology.errors import NotFound, Unavailable
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import LiveSource, Row, replied, windows
from workbench.telemetry.log_lines import Line, entries

MOST_BYTES = 64 * 1024 * 1024
"""Of a larger file only the end is read, and the reply says so."""
MOST_FILES = 50
MOST_LINES = 50_000
"""Lines within the windows; beyond them the answer is cut off, and says so."""


class LogFiles(LiveSource):
    """Answers questions on logs from files of this machine."""

    name = "log files"
    modality: ClassVar[Modality] = Modality.LOGS

    def __init__(self, patterns: Mapping[str, str]) -> None:
        """Bind to files; nothing is read before the first question.

        Args:
            patterns: path, with `*` and `**`, to the entity whose lines these are; empty: what the line or the file's
                name says.
        """
        self._patterns = patterns

    def reply(self, question: Question) -> Reply:
        """Return the lines of window and baseline."""
        found = self._files(question)
        rows, remarks, timed = list[Row](), list[str](), 0
        for path, entity in found[:MOST_FILES]:
            try:
                lines, cut = lines_of(path)
            except (OSError, EOFError, zlib.error) as error:
                remarks.append(f"{path} cannot be read ({type(error).__name__}).")
                continue
            remarks += [f"Of {path} only the last {MOST_BYTES >> 20} MiB were read."] if cut else []
            for line in entries(lines, question.window.start.year):
                timed += line.time is not None
                if len(rows) < MOST_LINES and _meant(line, question):
                    rows.append(_row(line, entity or line.service or _called(path)))
        if not timed and any(path.stat().st_size for path, _ in found if path.exists()):
            why = " ".join(remarks) or "No line of these files has a time that is understood."
            raise Unavailable(why, next_step="Begin lines with ISO-8601, or write JSON with a timestamp.")
        remarks += [f"Only the first {MOST_LINES:,} lines were kept."] if len(rows) >= MOST_LINES else []
        remarks += [f"Only {MOST_FILES} of {len(found)} files were read."] if len(found) > MOST_FILES else []
        query = "\n".join(f"less {path}" for path, _ in found[:MOST_FILES])
        return replied(rows, question, searched=", ".join(self._patterns), query=query, remark=" ".join(remarks))

    def _files(self, question: Question) -> list[tuple[Path, str]]:
        """Return the files that may hold lines of the windows, the latest first, each with its entity.

        Raises:
            NotFound: no file fits any of the patterns.
        """
        every = {path: entity for pattern, entity in self._patterns.items() for path in files_of(pattern)}
        if not every:
            raise NotFound(
                f"No file is called like {', '.join(self._patterns)}.", next_step="Correct log_files in the settings."
            )
        since = min(each.start for each in windows(question)).timestamp()
        held = {path: path.stat().st_mtime for path in every if path.exists()}
        late = sorted((path for path, written in held.items() if written >= since), key=lambda path: -held[path])
        return [(path, every[path]) for path in late]


def files_of(pattern: str) -> Iterator[Path]:
    """Yield the files that a path with `*` and `**` means."""
    path = Path(pattern).expanduser()
    base = Path(path.anchor)
    yield from (each for each in sorted(base.glob(str(path.relative_to(base)))) if each.is_file())


def lines_of(path: Path) -> tuple[list[str], bool]:
    """Return the lines of a file, compressed or not, and whether its beginning was left out.

    Raises:
        OSError, EOFError, zlib.error: it cannot be read.
    """
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            content = file.read(MOST_BYTES + 1)
        return _text(content[:MOST_BYTES]), len(content) > MOST_BYTES
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - MOST_BYTES))
        lines = _text(file.read(MOST_BYTES))
    return (lines[1:], True) if size > MOST_BYTES else (lines, False)


def _text(content: bytes) -> list[str]:
    return content.decode(errors="replace").splitlines()


def _meant(line: Line, question: Question) -> bool:
    time = line.time
    within = time is not None and any(each.start <= time <= each.end for each in windows(question))
    return within and question.what.lower() in line.message.lower()


def _row(line: Line, entity: str) -> Row:
    return line.time, service_of(entity), line.severity, line.message, line.trace


def _called(path: Path) -> str:
    """Return what a file is called, without its ends, dates and numbers.

    >>> _called(Path("/var/log/payment-2026-01-31.log.1.gz")), _called(Path("cart.json"))
    ('payment', 'cart')
    """
    return re.sub(r"[-_.]\d[\d_.-]*$", "", path.name.split(".")[0]) or path.name
