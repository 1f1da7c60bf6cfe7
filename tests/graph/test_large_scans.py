"""What comes in large goes another way than what comes in small; what is kept and what is said are the same."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from ontology import terms
from ontology.iris import graph, service
from ontology.nouns import Fact, Iri, Layer, Window
from scanners.protocol import Scan
from workbench.graph.ask import ask
from workbench.graph.changelog import FILE, ChangeLog
from workbench.graph.changes import Kind
from workbench.graph.replay import FEW
from workbench.graph.snapshots import CHECKPOINTS, SPACING, UNITED, numbered
from workbench.graph.store import UNITED_FROM, GraphStore

Make = Callable[..., Any]
T0 = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVER = Window(T0 - MINUTE, T0 + 999 * MINUTE)
CALLS = "SELECT (COUNT(*) AS ?n) { ?a wb:calls ?b }"


def at(minutes: float) -> dict[str, datetime]:
    """Say when a scan ran."""
    return {"started": T0 + minutes * MINUTE, "finished": T0 + minutes * MINUTE}


def held(store: GraphStore) -> set[tuple[str, ...]]:
    """Return every quad of the store as the log writes it; the note of how far it has read the log is none."""
    return {
        (str(quad.graph_name), str(quad.subject), str(quad.predicate), str(quad.object))
        for quad in store.quads()
        if not str(quad.subject).endswith("/g/log>")
    }


class Forgetful(GraphStore):
    """A store that reads what it holds before every scan, as one does that others write to."""

    alone = False


@pytest.fixture
def many(said: Make) -> list[Fact]:
    """Say what takes the way of large scans: sure facts and, every tenth, unsure ones."""
    return [
        said(
            service(f"s-{n}"),
            terms.CALLS,
            service(f"s-{n + 1}"),
            confidence=0.7 if n % 10 == 0 else 1.0,
            evidence=f"a.yaml:{n}",
        )
        for n in range(FEW + 500)
    ]


@pytest.mark.parametrize("disk", [False, True])
def test_a_large_first_sight_is_in_the_history(disk: bool, tmp_path: Path, many: list[Fact], scan: Make) -> None:
    """A scope that came in one piece is looked back on as one that came in rows: before, after, counted, folded."""
    store = GraphStore.open(tmp_path / "graph") if disk else GraphStore.memory()
    store.replace(scan(many, **at(0)))
    store.replace(scan(many[1:], **at(1)))
    assert store.history.replayed() == held(store)
    assert [len(store.as_of(T0 + n * MINUTE)) for n in (-1, 0, 1)] == [0, len(many), len(many) - 1]
    assert list(store.history.first_seen(EVER).values()) == [len(many)]
    assert len(store.history.changes(EVER, first_sight=True)) == len(many) + 1
    assert len(store.history.diff(T0 - MINUTE, T0).appeared) == len(many)
    assert [each.object for each in store.history.diff(T0, T0 + MINUTE).vanished] == [many[0].object]
    assert store.history.log.fold(T0 + MINUTE) >= 0
    store.replace(scan(many[2:], **at(2)))
    assert [len(store.as_of(T0 + n * MINUTE)) for n in (1, 2)] == [len(many) - 1, len(many) - 2]
    assert store.history.replayed() == held(store)
    store.close()


def test_a_large_first_sight_comes_back_as_said(tmp_path: Path, many: list[Fact], scan: Make) -> None:
    """Facts that came in one piece are read back whole, also by the next process, and a rescan finds nothing new."""
    with GraphStore.open(tmp_path / "graph") as store:
        change = store.replace(scan([*many, many[0]], **at(0)))
        assert (change.added, change.removed, change.unchanged) == (len(many), 0, 0)
    with GraphStore.open(tmp_path / "graph") as store:
        sure = {each.evidence == "" for each in store.facts() if each.confidence == 1.0}
        unsure = {each.evidence for each in store.facts() if each.confidence < 1.0}
        assert sure == {True} and unsure == {each.evidence for each in many if each.confidence < 1.0}
        change = store.replace(scan(many, **at(1)))
        assert (change.added, change.removed, change.unchanged) == (0, 0, len(many))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3 if not os.environ.get("WORKBENCH_SOAK") else 100))
def test_what_is_remembered_is_what_is_read(seed: int, scan: Make, said: Make) -> None:
    """A store that compares with what a scope said last ends as one that reads all it holds, change by change."""
    chance = random.Random(seed)
    quick, slow = GraphStore.memory(), Forgetful.memory()
    values = ('é \\ " \n', "1", 1, 1.0, -0.0, 0.0, True, T0, Iri("urn:x"), "urn:x", "^x", "[x", "\ud800", "")
    for minute in range(20):
        facts = [
            said(
                service(f"s-{chance.randrange(3)}"),
                chance.choice((terms.VALUE, terms.LABEL)),
                chance.choice(values),
                confidence=chance.choice((1.0, 1.0, 0.9, 0.5)),
                layer=chance.choice(tuple(Layer)),
                evidence=chance.choice(("", "a.yaml:1")),
            )
            for _ in range(chance.randrange(40))
        ]
        layer = chance.choice((Layer.DECLARED, Layer.DECLARED, Layer.RUNNING, Layer.INFERRED))
        one = scan(facts, layer=layer, complete=chance.random() < 0.8, **at(minute))
        changes = [store.replace(one) for store in (quick, slow)]
        assert len({(each.added, each.removed, each.unchanged) for each in changes}) == 1
        assert len({frozenset(each.appeared) for each in changes}) == 1
        assert len({frozenset((f.subject, f.predicate, str(f.object)) for f in each.vanished) for each in changes}) == 1
        assert held(quick) == held(slow)
    assert quick.history.replayed() == held(quick)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3 if not os.environ.get("WORKBENCH_SOAK") else 100))
def test_sure_facts_are_compared_where_they_stand(seed: int, scan: Make, said: Make) -> None:
    """Scans of one length that differ at a few places end as if all was read: moved, doubled, equal but not alike."""
    chance = random.Random(seed)
    quick, slow = GraphStore.memory(), Forgetful.memory()
    values = ("1", 1, True, "a", Iri("a:a"), T0, 1.0, 0.0, -0.0, "\ud800", "?", "")
    facts = [said(service(f"s-{n}"), terms.VALUE, n) for n in range(40)]
    for minute in range(25):
        for _ in range(chance.randrange(4)):
            one, other = chance.randrange(40), chance.randrange(40)
            facts[one], facts[other] = facts[other], chance.choice((facts[one], facts[other]))
            facts[chance.randrange(40)] = said(service(f"s-{chance.randrange(9)}"), terms.VALUE, chance.choice(values))
        changes = [store.replace(scan(facts, **at(minute))) for store in (quick, slow)]
        assert len({(each.added, each.removed, each.unchanged) for each in changes}) == 1
        assert len({frozenset(each.appeared) for each in changes}) == 1
        assert len({frozenset(map(repr, each.vanished)) for each in changes}) == 1
        assert held(quick) == held(slow)
    assert quick.history.replayed() == held(quick)


@pytest.mark.parametrize("other", [Layer.RUNNING, Layer.INFERRED, Layer.LEARNED])
def test_a_scope_may_change_its_layer(other: Layer, estate: tuple[Fact, ...], scan: Make) -> None:
    """A scope that is scanned as another layer is counted by what the store holds: removed is gone, moved has moved."""
    store = GraphStore.memory()
    store.replace(scan(estate, **at(0)))
    store.replace(scan(estate[1:], **at(1)))
    moved = [replace(each, layer=other, confidence=1.0, evidence="") for each in estate[1:]]
    change = store.replace(scan(moved, layer=other, **at(2)))
    assert (change.added, change.removed, change.unchanged) == (len(moved), len(moved), 0)
    assert {each.layer for each in store.facts()} == {other}
    assert store.replace(scan([], **at(3))).removed == len(moved)
    assert len(store) == 0
    assert store.history.replayed() == held(store)


def test_what_another_hand_wrote_is_noticed(tmp_path: Path, many: list[Fact], scan: Make) -> None:
    """A file loaded into a scanned graph is no part of what the scope says: the next whole scan takes it out."""
    store = GraphStore.open(tmp_path / "graph")
    store.replace(scan(many, **at(0)))
    (tmp_path / "more.nq").write_text(f'<urn:a> <urn:p> "x" <{graph("fact", "compose", "shop")}> .\n')
    store.load(tmp_path / "more.nq")
    assert len(store) == len(many) + 1
    assert store.replace(scan(many, **at(1))).removed == 1
    assert len(store) == len(many)
    store.close()


def test_a_lost_log_takes_with_it_what_scopes_said(tmp_path: Path, many: list[Fact], scan: Make) -> None:
    """Where the log was lost the next scan reads the store, and counts as it should."""
    with GraphStore.open(tmp_path / "graph") as store:
        store.replace(scan(many, **at(0)))
    for each in (tmp_path / "graph").glob(f"{FILE}*"):
        each.unlink()
    with GraphStore.open(tmp_path / "graph") as store:
        change = store.replace(scan(many[5:], **at(1)))
        assert (change.added, change.removed, change.unchanged) == (0, 5, len(many) - 5)
        assert store.history.replayed() == held(store)


def _as_it_was(path: Path) -> None:
    """Rewrite the log as it was laid out before there were pieces and scopes: every quad a row."""
    log = ChangeLog.open(path)
    rows = {batch.number: list(log.rows([batch])) for batch in log.batches()}
    log.close()
    n = 1
    with sqlite3.connect(path / FILE) as db:
        db.execute("DELETE FROM change")
        names = dict(db.execute("SELECT name, id FROM graph").fetchall())
        for number, some in rows.items():
            db.execute("UPDATE batch SET first = ?, last = ? WHERE id = ?", (n, n + len(some) - 1, number))
            for each in some:
                db.execute("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?)", (n, each.op, names[each.graph], *each[2:]))
                n += 1
        db.execute("DROP TABLE scope")
        db.execute("DROP TABLE bulk")
        db.execute("ALTER TABLE graph DROP COLUMN batch")
    db.close()


def test_a_log_of_the_former_layout_opens(tmp_path: Path, many: list[Fact], scan: Make) -> None:
    """A data folder of before is read by readers as it lies, and completed by the next writer; nothing is lost."""
    path = tmp_path / "graph"
    with GraphStore.open(path) as store:
        store.replace(scan(many[:300], **at(0)))
        store.replace(scan(many[:299], **at(1)))
    _as_it_was(path)
    with GraphStore.latest(path) as reader:
        assert [len(reader.as_of(T0 + n * MINUTE)) for n in (-1, 0, 1)] == [0, 300, 299]
    with GraphStore.open(path) as store:
        assert [len(store.as_of(T0 + n * MINUTE)) for n in (-1, 0, 1)] == [0, 300, 299]
        assert store.replace(scan(many[:298], **at(2))).removed == 1
        assert store.replace(scan(many, scope="new", **at(3))).added == len(many)
        assert store.history.replayed() == held(store)


def test_copies_to_look_back_from_are_kept(tmp_path: Path, scan: Make, said: Make) -> None:
    """After many changes copies lie beside the store, and every moment is as it was, whichever copy it begins with."""
    path, names, rounds = tmp_path / "graph", SPACING // 6, 7
    with GraphStore.open(path) as store:
        for minute in range(rounds):
            facts = [said(service(f"s-{n}"), terms.REPLICAS, n * minute) for n in range(names)]
            store.replace(scan(facts, **at(minute)))
        assert len(numbered(path, CHECKPOINTS)) >= 2
        for minute in range(rounds):
            with store.as_of(T0 + minute * MINUTE) as past:
                assert sum(each.object == 3 * minute for each in past.facts() if each.subject == service("s-3")) == 1
                assert len(past) == names
                assert past.history.replayed() == held(past)
        store.history.log.fold(T0 + 3 * MINUTE)
        with store.as_of(T0 + 4 * MINUTE) as past:
            assert {each.object for each in past.about(service("s-3"))} == {12}
            assert len(past) == names
    with GraphStore.latest(path) as reader, reader.as_of(T0 + 5 * MINUTE) as past:
        assert {each.object for each in past.about(service("s-3"))} == {15}


def test_who_looks_back_does_not_see_a_fold(tmp_path: Path, many: list[Fact], scan: Make) -> None:
    """What is read of the log in one piece is of one moment, also when the writer folds in the middle of it."""
    path = tmp_path / "graph"
    with GraphStore.open(path) as store:
        for minute in range(3):
            store.replace(scan(many[minute:], **at(minute)))
        log = ChangeLog.reading(path)
        assert log is not None
        with log.steady():
            batches = log.batches()
            before = list(log.rows(batches))
            store.history.log.fold(T0 + 2 * MINUTE)
            assert log.batches() == batches
            assert list(log.rows(batches)) == before
        assert [each.kind for each in log.batches()] == [Kind.BASELINE, Kind.SCAN]
        log.close()


def test_a_published_store_is_asked_without_uniting_it(tmp_path: Path, scan: Make, said: Make) -> None:
    """Readers of a large store find its graphs united; each triple counts once, through rescans, and as of a time."""
    path = tmp_path / "graph"
    calls = [said(service(f"a-{n}"), terms.CALLS, service(f"b-{n}")) for n in range(UNITED_FROM // 2 + 10)]
    with GraphStore.open(path) as writer:
        writer.replace(scan(calls, scope="one", **at(0)))
        writer.replace(scan(calls, scope="two", **at(1)))
        writer.share()
        assert len(numbered(path, UNITED)) == 1
        with GraphStore.latest(path) as reader:
            assert ask(reader, CALLS)["n"][0] == len(calls)
            assert len(reader) == 2 * len(calls)
            reader.replace(scan(calls[1:], scope="one", **at(2)))
            reader.replace(scan(calls[2:], scope="two", **at(2)))
            assert ask(reader, CALLS)["n"][0] == len(calls) - 1
        writer.replace(scan(calls[3:], scope="one", **at(3)))
        writer.replace(scan(calls[2:], scope="two", **at(4)))
        assert ask(writer, CALLS)["n"][0] == len(calls) - 2
        writer.share()
        assert len(numbered(path, UNITED)) == 2
        with GraphStore.latest(path) as reader, reader.as_of(T0 + 3 * MINUTE) as past:
            assert [ask(each, CALLS)["n"][0] for each in (reader, past)] == [len(calls) - 2, len(calls)]


SIZE, SCOPES = FEW + 100, 12


def _generation(n: int) -> Scan:
    """Return the n-th scan of a writer: all scopes once, then all of them with another word."""
    scope, moment = n % SCOPES, T0 + n * MINUTE
    how: dict[str, Any] = {"layer": Layer.DECLARED, "source": "compose", "seen": moment}
    facts = tuple(Fact(service(f"{scope}-{i}"), terms.LABEL, str(n // SCOPES), **how) for i in range(SIZE))
    return Scan("compose", str(scope), Layer.DECLARED, facts, (), True, moment, moment)


def _scan_on_and_on(path: Path, acknowledged: Any) -> None:
    with GraphStore.open(path) as store:
        for n in range(10 * SCOPES):
            store.replace(_generation(n))
            acknowledged.value = n + 1


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(3 if not os.environ.get("WORKBENCH_SOAK") else 60))
def test_a_writer_killed_while_it_loads_leaves_whole_scans(attempt: int, tmp_path: Path) -> None:
    """After SIGKILL in a bulk load each scope is whole or not there, and none that was acknowledged is missing."""
    path, context = tmp_path / "graph", multiprocessing.get_context("spawn")
    acknowledged = context.Value("i", 0, lock=False)  # a lock would die with its holder
    writer = context.Process(target=_scan_on_and_on, args=(path, acknowledged))
    writer.start()
    while not acknowledged.value and writer.is_alive():
        writer.join(0.002)
    writer.join(0.031 * attempt)
    assert writer.pid
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    done = acknowledged.value
    with GraphStore.open(path) as store:
        said = {each.rsplit("/")[-1]: [fact.object for fact in store.facts(each)] for each in store.graphs()}
        assert {(len(words), len(set(words))) for words in said.values()} == {(SIZE, 1)}
        wanted = [{str(n % SCOPES): str(n // SCOPES) for n in range(count)} for count in (done, done + 1)]
        assert {scope: words[0] for scope, words in said.items()} in wanted
        assert store.history.replayed() == held(store)


def test_two_scanners_and_five_readers_at_once(tmp_path: Path, scan: Make, said: Make) -> None:
    """While two scanners write and share, every copy that a reader opens holds whole scans alone."""
    path, size, over = tmp_path / "graph", 300, Event()

    def scanned(store: GraphStore, scope: str) -> int:
        for n in range(6):
            facts = [said(service(f"{scope}-{i}"), terms.LABEL, str(n)) for i in range(size)]
            store.replace(scan(facts, scope=scope, **at(n)))
            store.share()
        return 6

    def read() -> set[tuple[int, int]]:
        seen = set()
        while not over.is_set():
            with GraphStore.latest(path) as copy:
                seen |= {(len(some := copy.facts(each)), len({one.object for one in some})) for each in copy.graphs()}
        return seen

    with GraphStore.open(path) as store, ThreadPoolExecutor(7) as pool:
        store.replace(scan([], scope="a", **at(0)))
        store.share()
        readers = [pool.submit(read) for _ in range(5)]
        scanners = [pool.submit(scanned, store, scope) for scope in ("a", "b")]
        written = [each.result() for each in scanners]
        over.set()
        assert [each.result() for each in readers] == [{(size, 1)}] * 5
        assert sum(written) == 12
        assert len(store) == 2 * size
        assert store.history.replayed() == held(store)
