"""Chaos for real: the estate is started, broken, recorded and replayed; one fault in CI, all of the check as soak."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ontology.errors import Unavailable
from workbench.bench.estate import chaos
from workbench.bench.estate.recorder import Pace

PROGRAMS = ("postgres", "redis-server", "node", "npm", "javac", "prometheus", "prometheus-alertmanager")
HASTE = Pace(calm=1.0, normal=20.0, after=2.0)
"""Enough for an alert and a comparison."""
needs_servers = pytest.mark.skipif(
    not all(shutil.which(each) for each in PROGRAMS if each != "postgres"),
    reason="the estate's servers are not on this machine",
)


@needs_servers
@pytest.mark.timeout(600)
def test_a_fault_is_felt_recorded_and_replayed_and_nothing_is_left() -> None:
    """A locked table fires a real alert and slows the entry; what is recorded answers as the live sources do."""
    said: list[str] = []
    chaos.check(faults=("lock-ledger",), pace=HASTE, say=said.append)
    done = [line for line in said if line.startswith("ok: ")]
    assert done == [
        "ok: the estate comes up",
        "ok: lock-ledger is made, felt and recorded",
        "ok: lock-ledger is replayed with equal answers",
        "ok: the estate goes down",
        "ok: no process is left",
    ]


@needs_servers
@pytest.mark.soak
@pytest.mark.skipif(not os.environ.get("WORKBENCH_SOAK"), reason="takes eight minutes")
@pytest.mark.timeout(1800)
def test_the_whole_check_passes() -> None:
    """Three faults of three families are made, recorded and replayed with equal answers."""
    chaos.check()


def test_a_step_that_fails_is_named() -> None:
    """An estate that does not come up fails the check by the name of that step."""

    def broken() -> None:
        raise Unavailable("redis-server is not installed.", next_step="apt install redis-server")

    with pytest.raises(Unavailable, match="FAILED: the estate comes up: redis-server"):
        chaos.check(start=broken)  # type: ignore[arg-type]  # it never returns an estate


def test_unknown_fault_starts_nothing(tmp_path: Path) -> None:
    """A name that is wrong is refused before anything is started."""

    def never() -> None:
        raise AssertionError("started")

    with pytest.raises(Exception, match="no fault 'meteor'"):
        chaos.run(["meteor"], tmp_path, tmp_path, start=never)  # type: ignore[arg-type]  # never called
