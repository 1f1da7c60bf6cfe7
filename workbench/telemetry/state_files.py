"""State files: what an orchestrator or a supervisor wrote of its processes, a JSON object a line, as state.

    StateFiles("/var/lib/estate/events.jsonl").ask(Question(Modality.STATE, window, about=(payment,)))

A line is `{"time", "entity", "kind", "field", "value"}`: payment's container was `last terminated` with "OOMKilled,
exit code 137". `what`, where given, is a kind.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import ClassVar

from ontology.errors import NotFound, Unavailable
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.layouts import COLUMNS
from workbench.telemetry.live_source import LiveSource, Row, parsed, replied
from workbench.telemetry.log_files import MOST_BYTES, files_of, lines_of


class StateFiles(LiveSource):
    """Answers questions on state from files of this machine."""

    name = "state files"
    modality: ClassVar[Modality] = Modality.STATE

    def __init__(self, pattern: str) -> None:
        """Bind to files; nothing is read before the first question.

        Args:
            pattern: path, with `*` and `**`.
        """
        self._pattern = pattern

    def reply(self, question: Question) -> Reply:
        """Return what was written in window and baseline."""
        found = list(files_of(self._pattern))
        if not found:
            raise NotFound(f"No file is called like {self._pattern}.", next_step="Correct state_file in the settings.")
        rows, remarks = list[Row](), list[str]()
        for path in found:
            try:
                lines, cut = lines_of(path)
            except (OSError, EOFError, zlib.error) as error:
                raise Unavailable(
                    f"{path} cannot be read ({type(error).__name__}).", next_step="Let us read state_file."
                ) from error
            rows += parsed(self.name, _rows(lines))
            remarks += [f"Of {path} only the last {MOST_BYTES >> 20} MiB were read."] if cut else []
        meant = [row for row in rows if question.what in ("", row[2])]
        query = "\n".join(f"less {path}" for path in found)
        return replied(meant, question, searched=self._pattern, query=query, remark=" ".join(remarks))


def _rows(lines: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of the lines; the last one may be half written.

    Raises:
        ValueError, KeyError: another line is no state.
    """
    held = [line for line in lines if line.strip()]
    for place, line in enumerate(held, 1):
        try:
            said = json.loads(line)
        except ValueError:
            if place == len(held) > 1:  # a file of one line that is none is no such file
                return
            raise
        yield tuple(said[name] for name in COLUMNS[Modality.STATE])
