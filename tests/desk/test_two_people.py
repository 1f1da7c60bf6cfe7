"""Two people on one case: the second sees who steers it, and what is older is never kept over what is newer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ontology.errors import NotAllowed
from workbench.journal import Journal, hands

STEER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from workbench.journal import Journal, hands
hands.take(Journal(Path(sys.argv[1])).database, sys.argv[2], "ada", datetime(2026, 1, 1, 3, 4, tzinfo=UTC))
print("steering", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def ada(kernel: Any) -> Iterator[subprocess.Popen[str]]:
    """Another process that steers the shop's case."""
    case_id = kernel.desk().case.id
    words = [sys.executable, "-c", STEER, str(kernel.folder / "journal.db"), case_id]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "steering\n"
        yield process
        process.kill()


def test_a_second_opener_sees_who_steers_and_since_when(kernel: Any, ada: subprocess.Popen[str]) -> None:
    """While the other process lives its name and time stand on the first screen; once it is gone they do not."""
    seen = kernel.desk().screen().text
    ada.communicate("\n")
    assert "ada steers this case since 03:04 UTC" in seen
    assert "steers this case" not in kernel.desk().screen().text


def test_who_steers_keeps_the_time_at_which_they_began(tmp_path: Path) -> None:
    """A second line of the same process does not make its begin later."""
    database = Journal(tmp_path / "journal.db").database
    for hour in (3, 5):
        hands.take(database, "case-1", "ada", datetime(2026, 1, 1, hour, tzinfo=UTC))
    with database.reading() as connection:
        assert connection.execute("SELECT since FROM hands").fetchone()[0].startswith("2026-01-01T03")


def test_a_stale_desk_keeps_nothing_over_what_is_newer(kernel: Any) -> None:
    """A desk that does not know the latest step is refused, and the trail stays as the other one left it."""
    stale, other = kernel.desk(), kernel.desk()
    other.step(replay=False)
    held = other.case
    with pytest.raises(NotAllowed, match="went on with this case") as refused:
        stale.wrong(because="a guess") if stale.case.top else stale.step(replay=False)
    trail = Journal(kernel.folder / "journal.db").trail(held.id)
    assert [entry.action for entry in trail] == ["open", "step"]
    assert trail[-1].case == held
    assert "wb.open" in refused.value.next_step
    assert stale.case != held
