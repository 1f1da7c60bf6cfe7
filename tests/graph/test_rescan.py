"""A rescan is a diff: counted, atomic, and never on the word of a scan that failed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.errors import BadInput, Unavailable
from ontology.iris import service
from ontology.nouns import Fact, Iri, Layer
from scanners.protocol import Problem, Reading, Scan
from workbench.graph.rescan import rescan
from workbench.graph.store import GraphStore

Make = Callable[..., Any]


@dataclass
class Staged:
    """A scanner that says what it is told to, one scan after the other."""

    scans: list[Scan | Unavailable]
    name: str = "compose"
    scope: str = "shop"
    layer: Layer = Layer.DECLARED
    now: Any = None
    facts: Any = field(default=None)

    def read(self) -> Reading[None]:
        raise NotImplementedError

    def scan(self) -> Scan:
        said = self.scans.pop(0)
        if isinstance(said, Unavailable):
            raise said
        return said


def test_counts(estate: tuple[Fact, ...], scan: Make, said: Make) -> None:
    """A diff counts what came, what went and what stayed, and names it."""
    store = GraphStore.memory()
    assert store.replace(scan(estate)).added == len(estate) == len(store)
    new = said(service("web"), terms.CALLS, service("search"))
    change = store.replace(scan([*estate[1:], new]))
    assert (change.added, change.removed, change.unchanged) == (1, 1, len(estate) - 1)
    assert change.appeared == (new,)
    assert [(each.subject, each.object) for each in change.vanished] == [(estate[0].subject, estate[0].object)]
    assert store.replace(scan([*estate[1:], new])).unchanged == len(estate)


def test_incomplete_scan_removes_nothing(estate: tuple[Fact, ...], scan: Make, said: Make) -> None:
    """A scan that could not see everything adds what it saw, and everything else stays."""
    store = GraphStore.memory()
    store.replace(scan(estate))
    new = said(service("web"), terms.CALLS, service("search"))
    change = store.replace(scan([new], complete=False))
    assert (change.added, change.removed, change.unchanged) == (1, 0, 0)
    assert len(store) == len(estate) + 1


def test_incomplete_scan_keeps_the_last_whole_look(estate: tuple[Fact, ...], scan: Make) -> None:
    """Facts are as old as the last scan that saw all of the scope, not as the one that failed."""
    store = GraphStore.memory()
    first = scan(estate)
    store.replace(first)
    later = first.finished + timedelta(hours=1)
    store.replace(scan(estate[:3], complete=False, started=later, finished=later))
    assert {each.seen for each in store.facts()} == {first.finished}
    store.replace(scan(estate, started=later, finished=later))
    assert {each.seen for each in store.facts()} == {later}


def test_a_source_owns_only_what_it_said(estate: tuple[Fact, ...], scan: Make) -> None:
    """Two scopes and two sources may say the same; each takes away only its own."""
    store = GraphStore.memory()
    for more in ({}, {"scope": "other"}, {"source": "kubernetes"}):
        store.replace(scan(estate, **more))
    store.replace(scan([]))
    assert len(store) == 2 * len(estate)
    assert {each.source for each in store.facts()} == {"compose", "kubernetes"}


def test_thing_vanishes_then_scan_fails(estate: tuple[Fact, ...], scan: Make) -> None:
    """What a complete scan no longer sees is gone; what a failing scanner does not see stays."""
    store = GraphStore.memory()
    kept = [each for each in estate if service("search") not in (each.subject, each.object)]
    lost = scan(kept[:2], complete=False, problems=(Problem("compose.yaml:3", "not YAML"),))
    down = Unavailable("The folder is away.", next_step="Mount it.")
    scanner = Staged([scan(estate), scan(kept), lost, down])
    told: list[str] = []
    reports = [rescan(store, [scanner], lambda *said: told.append(said[2]))[0] for _ in range(4)]
    assert [each.change.removed for each in reports] == [0, len(estate) - len(kept), 0, 0]
    assert len(store) == len(kept)
    assert [each.ok for each in reports] == [True, True, False, False]
    assert "nothing was removed" in told[2]
    assert "compose.yaml:3" in told[2]
    assert "Mount it" in told[3]
    assert reports[3].as_json()["failure"] == str(down)


def test_one_failing_scanner_does_not_stop_the_next(estate: tuple[Fact, ...], scan: Make) -> None:
    """Every scanner has its turn."""
    store = GraphStore.memory()
    down = Unavailable("Away.", next_step="Wait.")
    reports = rescan(store, [Staged([down], name="kubernetes"), Staged([scan(estate)])])
    assert [each.change.added for each in reports] == [0, len(estate)]


def test_a_bad_fact_leaves_the_graph_as_it_was(estate: tuple[Fact, ...], scan: Make, said: Make) -> None:
    """A scan with an IRI that is none is refused as a whole."""
    store = GraphStore.memory()
    store.replace(scan(estate))
    before = store.facts()
    with pytest.raises(BadInput, match="not an IRI"):
        store.replace(scan([said(Iri("not an iri"), terms.LABEL, "x")]))
    assert store.facts() == before


def test_a_fact_moves_between_bands(estate: tuple[Fact, ...], scan: Make) -> None:
    """A fact whose confidence changed is there once, with the new confidence and its evidence."""
    store = GraphStore.memory()
    store.replace(scan(estate))
    unsure = next(each for each in estate if each.confidence < 1)
    store.replace(scan([*estate[:-1], replace(unsure, confidence=0.9, evidence="compose.yaml:13")]))
    found = [each for each in store.facts() if each.predicate == terms.REFERENCES]
    assert [(each.confidence, each.evidence, each.layer) for each in found] == [
        (0.9, "compose.yaml:13", Layer.INFERRED)
    ]


def test_two_threads_lose_nothing(tmp_path: Path, scan: Make, said: Make) -> None:
    """Scans that two threads write at once are both there, as if one had waited for the other."""
    with GraphStore.open(tmp_path / "graph") as store, ThreadPoolExecutor(2) as pool:
        scans = [
            scan([said(service(f"{scope}-{n}"), terms.LABEL, "x") for n in range(count)], scope=scope)
            for count in (10, 20, 30)
            for scope in ("a", "b")
        ]
        changes = list(pool.map(store.replace, scans))
        assert len(store) == sum(each.added - each.removed for each in changes)
        assert len(store.graphs()) == 2


def _replace_for_ever(path: Path, scans: list[Scan], acknowledged: Any) -> None:
    store = GraphStore.open(path)
    while True:
        for each in scans:
            store.replace(each)
            acknowledged.set()


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(3 if not os.environ.get("WORKBENCH_SOAK") else 30))
def test_killed_in_the_middle_leaves_no_half(attempt: int, tmp_path: Path, scan: Make, said: Make) -> None:
    """A writer that is killed leaves the state before or after a scan, never one between."""
    scans = [scan([said(service(f"{word}-{n}"), terms.LABEL, word) for n in range(400)]) for word in ("black", "white")]
    context = multiprocessing.get_context("spawn")
    acknowledged = context.Event()
    writer = context.Process(target=_replace_for_ever, args=(tmp_path / "graph", scans, acknowledged))
    writer.start()
    assert acknowledged.wait(60)
    writer.join(0.02 * attempt)
    assert writer.pid
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    with GraphStore.open(tmp_path / "graph") as store:
        assert [len(store), len({each.object for each in store.facts()})] == [400, 1]
