"""The journal of this machine: what systemd's units wrote, by `journalctl`, where there is one.

    Journald({"payment.service": "payment"}).ask(Question(Modality.LOGS, window, about=(payment,)))

One bounded process a unit and window: no shell, a time limit, the last lines alone. The journal of another machine is
read from a file that `journalctl -o json` wrote there (`log_files`). `what`, where given, is a text of the lines.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from ontology.errors import BadInput, Unavailable
from ontology.nouns import Window
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import LiveSource, Row, names_of, parsed, replied, windows
from workbench.telemetry.log_lines import entries

LINES = 20_000
"""Lines of a unit and window, the last."""
UNITS = 20
EVERY = "*"
"""The unit that means all of them."""
PLACES = ("/var/log/journal", "/run/log/journal")
_UNIT = re.compile(r"[\w@.:\\][\w@.:\\*?-]*")
_FIELDS = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,_COMM,TRACE_ID"


class Journald(LiveSource):
    """Answers questions on logs from the journal of this machine."""

    name = "journald"
    modality: ClassVar[Modality] = Modality.LOGS

    def __init__(self, units: Mapping[str, str], *, binary: str = "journalctl", seconds: float = 10.0) -> None:
        """Bind to units; nothing is read before the first question.

        Args:
            units: unit, or `*`, to the entity that it is; empty: what the unit is called.
            binary: the program that reads a journal.
            seconds: that one reading may take.

        Raises:
            BadInput: a unit cannot be one.
        """
        if wrong := [each for each in units if each != EVERY and not _UNIT.fullmatch(each)]:
            raise BadInput(f"{wrong[0]!r} is no unit.", next_step="Write it as payment.service, in journal_units.")
        self._units, self._binary, self._seconds = units, binary, seconds

    def reply(self, question: Question) -> Reply:
        """Return the lines of window and baseline."""
        names = names_of(question)
        meant = {unit: name for unit, name in self._units.items() if not names or not name or name in names}
        rows, remarks, asked = list[Row](), dict[str, None](), list[str]()
        for unit, entity in list(meant.items())[:UNITS]:
            for window in windows(question):
                command = self._command(unit, window)
                asked.append(" ".join(command))
                lines = self._lines(command)
                if len(lines) >= LINES:
                    remarks[f"Of {unit} only the last {LINES:,} lines of a window were read."] = None
                rows += parsed(self.name, _rows(lines, entity, question))
        if len(meant) > UNITS:
            remarks[f"Only {UNITS} of {len(meant)} units were read."] = None
        searched = f"the journal ({', '.join(meant) or 'no unit of these entities'})"
        return replied(rows, question, searched=searched, query="\n".join(asked), remark=" ".join(remarks))

    def _command(self, unit: str, window: Window) -> list[str]:
        """Return the program and its arguments; times in seconds since 1970."""
        times = (f"--since=@{window.start.timestamp():.0f}", f"--until=@{window.end.timestamp():.0f}")
        which = () if unit == EVERY else (f"--unit={unit}",)
        shape = ("--output=json", f"--output-fields={_FIELDS}", f"--lines={LINES}")
        return [self._binary, "--no-pager", "--quiet", *shape, *times, *which]

    def _lines(self, command: list[str]) -> list[str]:
        """Return what the program writes.

        Raises:
            Unavailable: there is no such program or no journal, it takes too long, or it fails.
        """
        try:
            done = subprocess.run(command, capture_output=True, timeout=self._seconds, check=False)  # noqa: S603  # no shell, units checked
        except subprocess.TimeoutExpired as error:
            raise Unavailable("journalctl took too long.", next_step="Ask for fewer units.") from error
        except OSError as error:
            raise Unavailable(
                f"journalctl cannot be run: {error.strerror}.", next_step="Take journal_units out of the settings."
            ) from error
        lines = done.stdout.decode(errors="replace").splitlines()
        said = " ".join(done.stderr.decode(errors="replace").split())[:200]
        if done.returncode or (not lines and said):
            raise Unavailable(
                f"journalctl fails ({done.returncode}): {said or 'no reason given'}.", next_step="Try it yourself."
            )
        if (
            not lines and self._binary == "journalctl" and not any(_kept())
        ):  # it exits 0 where there is no journal at all
            raise Unavailable(
                "This machine keeps no journal, or not for us.", next_step="Join the group systemd-journal, or drop it."
            )
        return lines


def _kept() -> Iterator[Path]:
    """Yield the journal's files that we may see."""
    for place in map(Path, PLACES):
        try:
            yield from place.glob("*/*.journal")
        except OSError:
            continue


def _rows(lines: list[str], entity: str, question: Question) -> Iterator[Row]:
    """Yield the rows of the lines; one that is no entry of a journal is an error.

    Raises:
        ValueError: it is none.
    """
    for line in lines:
        if not line.startswith("{"):
            raise ValueError(f"no entry of a journal: {line[:40]}")
    for each in entries(lines, question.window.start.year):
        if question.what.lower() in each.message.lower():
            yield each.time, service_of(entity or each.service), each.severity, each.message, each.trace
