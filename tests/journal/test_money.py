"""Money: a cap holds, whoever asks at once and whoever dies."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ontology.errors import NotAllowed
from workbench.journal import Caps, Journal

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_journal(folder: Path) -> Journal:
    return Journal(folder / "journal.db", now=lambda: NOON)


def test_the_cap_of_a_case_holds_to_the_cent(tmp_path: Path) -> None:
    """Ten reservations of a tenth fit under one dollar; the eleventh is refused and holds nothing."""
    journal, caps = a_journal(tmp_path), Caps(case=1.0, day=20.0)
    for _ in range(10):
        journal.reserve("case-1", 0.1, caps=caps)
    with pytest.raises(NotAllowed, match=r"cap of \$1.00 for this case") as refused:
        journal.reserve("case-1", 1e-9, caps=caps)
    assert "WORKBENCH_BUDGET_DOLLARS" in refused.value.next_step
    assert journal.spent("case-1").held == pytest.approx(1.0, abs=1e-9)
    journal.reserve("case-2", 0.1, caps=caps)


def test_the_cap_of_a_day_counts_all_cases_of_that_utc_day(tmp_path: Path) -> None:
    """Two cases share the day's cap; the next day starts anew."""
    now = [NOON]
    journal, caps = Journal(tmp_path / "journal.db", now=lambda: now[0]), Caps(case=1.0, day=1.5)
    journal.settle(journal.reserve("case-1", 0.9, caps=caps), 0.9, 100)
    with pytest.raises(NotAllowed, match="for this day"):
        journal.reserve("case-2", 0.7, caps=caps)
    now[0] = datetime(2026, 3, 2, 0, 0, 1, tzinfo=UTC)
    journal.reserve("case-2", 0.7, caps=caps)
    assert journal.spent(day=date(2026, 3, 1)).dollars == 0.9
    assert journal.spent(day=date(2026, 3, 2)).held == 0.7


def test_settling_books_the_true_cost_and_releasing_gives_all_back(tmp_path: Path) -> None:
    """What is settled counts in place of what was held; what is released counts nothing."""
    ledger, journal = a_journal(tmp_path).ledger(Caps(1.0, 20.0)), a_journal(tmp_path)
    ledger.settle(ledger.reserve("case-1", 0.8), 0.25, 1200)
    ledger.release(ledger.reserve("case-1", 0.75))
    spend = journal.spent("case-1")
    assert (spend.dollars, spend.held, spend.tokens) == (0.25, 0.0, 1200)
    ledger.reserve("case-1", 0.75)


def test_a_reservation_is_closed_once(tmp_path: Path) -> None:
    """A second settle or release of the same reservation is a programmer's error and changes nothing."""
    journal = a_journal(tmp_path)
    held = journal.reserve("case-1", 0.5, caps=Caps(1.0, 20.0))
    journal.settle(held, 0.1)
    with pytest.raises(ValueError, match="closed already"):
        journal.settle(held, 0.0)
    with pytest.raises(ValueError, match="closed already"):
        journal.release(held)
    assert journal.spent("case-1").dollars == 0.1


@pytest.mark.parametrize("amount", [-0.1, math.nan, math.inf])
def test_an_amount_that_is_no_money_is_refused(tmp_path: Path, amount: float) -> None:
    """Negative, NaN and infinite dollars never reach the file."""
    with pytest.raises(ValueError, match="not an amount"):
        a_journal(tmp_path).reserve("case-1", amount, caps=Caps(1.0, 20.0))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_64_threads_never_overspend(tmp_path: Path) -> None:
    """64 concurrent calls with jittered usage against a cap of one dollar never spend more than one dollar."""
    for trial in range(1000 if SOAK else 8):
        journal, chance = a_journal(tmp_path), random.Random(trial)
        wanted = [chance.uniform(0.01, 0.2) for _ in range(64)]
        refused, gate = [], threading.Barrier(64)

        def call(dollars: float, case_id: str, journal: Journal, gate: threading.Barrier, refused: list[float]) -> None:
            gate.wait()
            try:
                held = journal.reserve(case_id, dollars, caps=Caps(1.0, 1e9))
            except NotAllowed:
                refused.append(dollars)
                return
            journal.settle(held, dollars * 0.9, 10)

        threads = [
            threading.Thread(target=call, args=(each, f"case-{trial}", journal, gate, refused)) for each in wanted
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spend = journal.spent(f"case-{trial}")
        assert spend.dollars <= 1.0
        assert spend.held == 0.0
        assert refused
        assert spend.tokens == 10 * (64 - len(refused))
        journal.close()


SPENDER = """
import sys
from pathlib import Path
from ontology.errors import NotAllowed
from workbench.journal import Caps, Journal
journal = Journal(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
done = 0
for _ in range(20):
    try:
        held = journal.reserve("case-1", 0.02, caps=Caps(1.0, 1e9))
        journal.settle(held, 0.02)
        done += 1
    except NotAllowed:
        pass
print(done)
"""


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_processes_never_overspend(tmp_path: Path) -> None:
    """Processes that ask at once share one cap: together they get exactly the fifty calls that fit."""
    count = 64 if SOAK else 4
    spenders = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDER, str(tmp_path / "journal.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for each in spenders:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    done = sum(int(each.communicate("go\n")[0]) for each in spenders)
    assert done == 50
    assert Journal(tmp_path / "journal.db").spent("case-1").dollars == 1.0


HOLDER = """
import sys, time
from pathlib import Path
from workbench.journal import Caps, Journal
journal = Journal(Path(sys.argv[1]))
journal.settle(journal.reserve("case-1", 0.3, caps=Caps(1.0, 20.0)), 0.1, 5)
journal.reserve("case-1", 0.4, caps=Caps(1.0, 20.0))
print("held", flush=True)
sys.stdin.readline()
"""


def test_what_a_killed_process_held_is_counted_in_full(tmp_path: Path) -> None:
    """A process killed in a call leaves no open reservation, and its call makes no room under the cap."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "journal.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    journal = a_journal(tmp_path)
    assert journal.recover().dollars == 0.0  # it lives: its money stays held
    assert journal.spent("case-1").held == 0.4
    holder.kill()
    holder.communicate()
    assert journal.recover().dollars == 0.4
    spend = journal.spent("case-1")
    assert (spend.dollars, spend.held, spend.lost) == (0.5, 0.0, 0.4)
    with pytest.raises(NotAllowed):
        journal.reserve("case-1", 0.6, caps=Caps(1.0, 20.0))
