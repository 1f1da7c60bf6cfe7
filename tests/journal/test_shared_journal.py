"""A journal in PostgreSQL: workers of many hosts share queue, leases, trails and money, through any death."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from ontology.errors import NotAllowed, Unavailable
from workbench import assembly
from workbench.bench.estate.servers import Postgres
from workbench.journal import Caps, Journal, Progress, money
from workbench.journal.database import STEPS
from workbench.journal.queue import Decision
from workbench.notebook import document
from workbench.settings import Settings

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
CASE = next(Path(__file__).parent.parent.joinpath("recordings").glob("store-*"))
WORKER = """
import sys
from pathlib import Path
from pydantic import SecretStr
from workbench.desk.watch import Watch
from workbench.settings import Settings
home, address, name = sys.argv[1:]
settings = Settings(
    home=Path(home), journal=SecretStr(address), watch_lease_seconds=1.5, watch_tries=1000, watch_an_hour=1000
)
print("ready", flush=True)
while (place := Watch(settings, name).once()) is not None:
    print(place.alert_id, flush=True)
"""
SPENDER = """
import sys
from ontology.errors import NotAllowed
from workbench.journal import Caps, Journal
journal, held = Journal(sys.argv[1]), 0
print("ready", flush=True)
sys.stdin.readline()
try:
    for n in range(1000):
        journal.settle(journal.reserve(f"case-{n % 7}", 0.01, caps=Caps(10.0, 1.0)), 0.01)
        held += 1
except NotAllowed:
    print(held, flush=True)
"""


def _started(program: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hosts_do_each_case_once_though_workers_are_killed(address: Callable[[], str], tmp_path: Path) -> None:
    """Workers with data folders of their own, killed in the middle: each case ends once, no question asked twice."""
    where = address()
    settings = Settings(home=tmp_path / "a", journal=SecretStr(where))
    journal, alert = assembly.journal(settings), assembly.recorded_alert(str(CASE))
    alerts = [replace(alert, id=f"slow-{n:x}-20260101t000000z") for n in range(20 if SOAK else 2)]
    assert journal.receive(alerts, str(CASE)) == len(alerts) and journal.receive(alerts, str(CASE)) == 0
    for each in alerts:
        journal.queue.sort(each.id, [], [], [], lambda _new, _heads: Decision(Progress.RECEIVED), timedelta())
    kills, killed, done, until = (60 if SOAK else 1), 0, Counter[str](), time.monotonic() + 3000
    running: list[subprocess.Popen[str]] = []
    while journal.queue.counts()[Progress.INVESTIGATED] < len(alerts) and time.monotonic() < until:
        names = [f"{host}{time.monotonic_ns()}" for host in "ab"]
        running = [_started(WORKER, str(tmp_path / name[0]), where, name) for name in names]
        if killed < kills:
            claimed = threading.Event()
            while not journal.queue.places(Progress.CLAIMED) and running[0].poll() is None:
                claimed.wait(0.02)
            claimed.wait(random.Random(killed).uniform(0.0, 0.3))
            for each in running if SOAK else running[:1]:
                each.kill()
        for each in running:
            done.update(each.communicate()[0].split())
            killed += each.returncode == -9
        threading.Event().wait(1.6 if journal.queue.places(Progress.CLAIMED) else 0)  # the lease of who was killed

    assert killed >= kills or not SOAK
    assert {each.state for each in journal.queue.places()} == {Progress.INVESTIGATED}
    assert max(done.values()) == 1
    for each in alerts:
        trail = journal.trail(f"case-{each.id}")
        asked = [one.question.id for one in trail[-1].case.observations]
        assert [one.action for one in trail] == ["open", "run"]
        assert trail[-1].case.ended and asked and len(asked) == len(set(asked))
        assert any(document.path_for(each, tmp_path / host / "notebooks").is_file() for host in "ab")


def test_a_lease_of_a_killed_worker_goes_to_another_host(address: Callable[[], str]) -> None:
    """While it holds nobody else takes the case; when it lapses one of many does, and only one."""
    where = address()
    journal = Journal(where)
    alert = assembly.recorded_alert(str(CASE))
    journal.receive([alert], str(CASE))
    claim = (
        "import sys; from datetime import timedelta; from workbench.journal import Journal, Limits; print('ready', "
        "flush=True); sys.stdin.readline(); print(Journal(sys.argv[1]).queue.claim(sys.argv[2], "
        "Limits(lease=timedelta(seconds=float(sys.argv[3])))) is not None, flush=True); sys.stdin.readline()"
    )
    first = _started(claim, where, "first", "2")
    assert first.stdin is not None and first.stdout is not None
    first.stdin.write("\n")
    first.stdin.flush()
    assert first.stdout.readline() == "True\n"
    first.kill()
    first.communicate()
    early = _started(claim, where, "early", "60").communicate("\n\n")[0]
    threading.Event().wait(2.0)
    others = [_started(claim, where, f"worker {n}", "60") for n in range(4)]
    for each in others:
        assert each.stdin is not None
        each.stdin.write("\n\n")
        each.stdin.flush()

    assert early == "False\n"
    assert sorted(each.communicate()[0] for each in others) == ["False\n"] * 3 + ["True\n"]
    place = journal.queue.place(alert.id)
    assert place is not None and place.tries == 2


def test_a_cap_holds_over_processes(address: Callable[[], str]) -> None:
    """Three that spend at once get a hundred cents out of a dollar, not one more."""
    where = address()
    Journal(where)
    spenders = [_started(SPENDER, where) for _ in range(3)]
    for each in spenders:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()

    spent = [int(each.communicate()[0]) for each in spenders]
    assert sum(spent) == 100
    assert Journal(where).spent().dollars == 1.0


def test_what_another_host_holds_counts_and_is_not_ours_to_close(address: Callable[[], str]) -> None:
    """A reservation of a process on another host leaves no room under the cap, whether or not that lives."""
    journal, caps = Journal(address()), Caps(1.0, 20.0)
    journal.reserve("case-1", 0.9, caps=caps)
    with journal.database.writing() as connection:
        connection.execute("UPDATE money SET process = ?", (f"{os.getpid()}@1.00@another-host",))

    with pytest.raises(NotAllowed, match=r"cap of \$1\.00"):
        journal.reserve("case-1", 0.2, caps=caps)
    assert money.recover(journal.database).lost == 0
    assert journal.spent("case-1").held == 0.9


def test_what_cannot_be_used_is_told_in_sentences(address: Callable[[], str], postgres: Postgres) -> None:
    """No server, a wrong password, a database of somebody else's, a newer schema: each says what to do."""
    where = address()
    journal = Journal(where)
    assert journal.check() == "ok"
    assert "of-this-test-only" not in str(journal.database.path)
    with journal.database.writing() as connection:
        connection.execute("UPDATE workbench_journal SET version = ?", (len(STEPS) + 1,))
    journal.close()
    foreign = address()
    postgres.sql(foreign.rpartition("/")[2], "CREATE TABLE public.customers (id BIGINT); ")

    with pytest.raises(Unavailable, match="newer workbench"):
        journal.check()
    with pytest.raises(Unavailable, match="no journal of the workbench"):
        Journal(foreign)
    with pytest.raises(NotAllowed, match="refuses us"):
        Journal(where.replace("of-this-test-only", "another-one"))
    with pytest.raises(Unavailable, match="does not answer"):
        Journal("postgresql://nobody@127.0.0.1:1/none")


def test_a_connection_that_was_lost_is_made_anew(address: Callable[[], str], postgres: Postgres) -> None:
    """The verb that meets the loss says so and keeps nothing; the next one works."""
    where = address()
    journal = Journal(where)
    postgres.sql(
        "postgres",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{where.rpartition('/')[2]}'",
    )
    with pytest.raises(Unavailable, match="does not answer"):
        journal.alerts()
    assert journal.receive([assembly.recorded_alert(str(CASE))], "live") == 1
