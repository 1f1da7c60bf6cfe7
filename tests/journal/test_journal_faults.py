"""Faults: a killed writer, a lock, a damaged or foreign file, no permission. Nothing kept is lost."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ontology.errors import NotAllowed, PersonError, Unavailable
from ontology.nouns import Alert, Window
from workbench.journal import Journal
from workbench.journal.database import STEPS

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
ALERT = Alert("a-1", "Slow", Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"))

WRITER = """
import sys
from pathlib import Path
import pandas as pd
from ontology.nouns import Alert, Window
from workbench.journal import Journal
from workbench.nouns import Answered, Case, Modality, Observation, Question
journal = Journal(Path(sys.argv[1]))
window = Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z")
alert = Alert("a-1", "Slow", window)
print("ready", flush=True)
n = 0
while True:
    table = pd.DataFrame({"time": [pd.Timestamp(window.start)] * 50, "value": [float(n)] * 50})
    seen = Observation(Question(Modality.METRICS, window), Answered("x", table), "s", window.end)
    n = journal.append("case-1", "step", {"n": n}, Case("case-1", alert, observations=(seen,), steps=n))
    print(n, flush=True)
"""


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_killed_writer_loses_no_entry_that_it_was_told_is_kept(tmp_path: Path) -> None:
    """After kill -9 at a random moment every acknowledged entry is there, whole, with its table, in order."""
    for trial in range(200 if SOAK else 3):
        path, acked = tmp_path / f"journal-{trial // 10}.db", 0  # ten kills a file: the trail is read whole each time
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        for _ in range(random.Random(trial).randrange(1, 12)):
            acked = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.communicate()[0].split()
        acked = int(rest[-1]) if rest else acked
        journal = Journal(path)
        assert journal.check() == "ok"
        trail = journal.trail("case-1")
        assert [entry.n for entry in trail] == list(range(1, len(trail) + 1))
        assert acked <= len(trail) <= acked + 1
        for entry in trail:
            table = entry.case.observations[0].table
            assert table is not None
            assert table["value"].tolist() == [float(entry.case.steps)] * 50
        journal.close()


def test_a_second_process_reads_and_writes_the_same_journal(tmp_path: Path) -> None:
    """What one process keeps, another sees at once, and the first sees what the second kept."""
    journal = Journal(tmp_path / "journal.db")
    journal.keep_alert(ALERT, "prod")
    other = (
        "import sys; from pathlib import Path; from dataclasses import replace; from workbench.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1])); alert, environment = journal.alert('a-1')\n"
        "journal.keep_alert(replace(alert, id='a-2'), environment)"
    )
    subprocess.run([sys.executable, "-c", other, str(tmp_path / "journal.db")], check=True)
    assert {kept.alert.id for kept in journal.alerts()} == {"a-1", "a-2"}


def test_a_locked_journal_says_so_and_loses_nothing(tmp_path: Path) -> None:
    """While another process holds the write lock, reading goes on and writing ends in a sentence, not a traceback."""
    journal = Journal(tmp_path / "journal.db", patience=0.05)
    journal.keep_alert(ALERT)
    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="busy") as told:
        journal.keep_alert(ALERT)
    assert "nothing was lost" in told.value.next_step
    assert journal.alert("a-1").alert == ALERT
    other.execute("ROLLBACK")
    journal.keep_alert(ALERT)


@pytest.mark.parametrize("content", [b"not a database " * 300, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_damaged_journal_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    """A file that SQLite cannot read is refused with what to do next, and not a byte of it changes."""
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(Unavailable) as told:
        Journal(path)
    assert "move the file away" in told.value.next_step
    assert path.read_bytes() == content


def test_a_flipped_byte_in_a_case_or_a_table_is_noticed(tmp_path: Path) -> None:
    """A record whose bytes changed on disk is refused, never read as something else."""
    path = tmp_path / "journal.db"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert [writer.stdout.readline() for _ in range(2)] == ["ready\n", "1\n"]
    writer.kill()
    writer.communicate()
    for update in (
        "UPDATE blobs SET parquet = CAST(substr(parquet, 1, 40) || x'00' || substr(parquet, 42) AS BLOB)",
        "UPDATE entries SET body = CAST(substr(body, 1, 40) || x'00' || substr(body, 42) AS BLOB)",
    ):
        with sqlite3.connect(path) as file:
            file.execute(update)
        with pytest.raises(Unavailable, match="damaged"):
            Journal(path).trail("case-1")


def test_someone_elses_database_is_not_touched(tmp_path: Path) -> None:
    """A SQLite file of another program is refused before anything is written to it."""
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE theirs (x)")
    file.close()
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="not a journal"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_journal_of_a_newer_workbench_is_refused(tmp_path: Path) -> None:
    """A schema version that this code does not know ends in the advice to upgrade."""
    Journal(tmp_path / "journal.db").close()
    with sqlite3.connect(tmp_path / "journal.db") as file:
        file.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(Unavailable, match="newer workbench"):
        Journal(tmp_path / "journal.db")


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    """Where the journal's folder cannot exist, the person is told which file and what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAllowed, match="cannot be reached") as told:
        Journal(tmp_path / "file" / "journal.db")
    assert "WORKBENCH_HOME" in told.value.next_step


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_readonly_journal_is_a_sentence(tmp_path: Path) -> None:
    """Without write permission on the file, writing says so and reading shows what is kept."""
    Journal(tmp_path / "journal.db").keep_alert(ALERT)
    (tmp_path / "journal.db").chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PersonError, match="cannot be written"):
            Journal(tmp_path / "journal.db").keep_alert(ALERT)
    finally:
        tmp_path.chmod(0o700)


def test_an_error_inside_a_transaction_undoes_all_of_it(tmp_path: Path) -> None:
    """A block that fails half-way leaves the file as it was before the block."""
    journal = Journal(tmp_path / "journal.db")

    def half() -> None:
        with journal.database.writing() as connection:
            connection.execute("INSERT INTO blobs VALUES ('x', x'00')")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    with journal.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM blobs").fetchone() == (0,)
    journal.keep_alert(ALERT)
