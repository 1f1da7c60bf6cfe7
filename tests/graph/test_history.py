"""What was known at a time, and what changed in a window; the log and the store never disagree."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.errors import BadInput, Unavailable
from ontology.iris import graph, service, thing
from ontology.nouns import Fact, Iri, Layer, Window
from scanners.protocol import Scan
from workbench.graph.ask import ask
from workbench.graph.changelog import FILE, ChangeLog
from workbench.graph.changes import Kind, Row
from workbench.graph.store import GraphStore
from workbench.graph.view import View

Make = Callable[..., Any]
T0 = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> dict[str, datetime]:
    """Say when a scan ran."""
    return {"started": T0 + minutes * MINUTE, "finished": T0 + minutes * MINUTE}


def held(store: GraphStore) -> set[tuple[str, ...]]:
    """Return every quad of the store as the log writes it; the note of how far it has read the log is none."""
    return {
        (str(quad.graph_name), str(quad.subject), str(quad.predicate), str(quad.object))
        for quad in store._open
        if not str(quad.subject).endswith("/g/log>")
    }


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Keep a graph, in memory and on disk."""
    made = GraphStore.memory() if request.param == "memory" else GraphStore.open(tmp_path / "graph")
    yield made
    made.close()


def test_two_scans_then_before_between_and_after(store: GraphStore, estate: Sequence[Fact], scan: Make) -> None:
    """Before the first scan nothing was known, between the two what the first saw, then what the second saw."""
    store.replace(scan(estate, **at(0)))
    first = set(store.facts())
    store.replace(scan(estate[4:], **at(10)))
    second = set(store.facts())
    assert len(store.as_of(T0 - MINUTE)) == 0
    assert set(store.as_of(T0).facts()) == set(store.as_of(T0 + 5 * MINUTE).facts()) == first
    assert set(store.as_of(T0 + 10 * MINUTE).facts()) == set(store.as_of(T0 + 99 * MINUTE).facts()) == second
    assert {each.seen for each in first} == {T0} != {each.seen for each in second}


def test_a_past_graph_answers_sparql_and_has_a_past(store: GraphStore, estate: Sequence[Fact], scan: Make) -> None:
    """The graph of a time is a graph: it is asked in SPARQL, written to, and looked back from."""
    calls = [each for each in estate if each.predicate == terms.CALLS]
    store.replace(scan(estate, **at(0)))
    store.replace(scan([each for each in estate if each not in calls], **at(10)))
    store.replace(scan(estate, **at(20)))
    past = store.as_of(T0 + 15 * MINUTE)
    count = "SELECT (COUNT(*) AS ?n) { ?a wb:calls ?b }"
    assert [ask(each, count)["n"][0] for each in (store, past, past.as_of(T0))] == [3, 0, 3]
    assert len(past.history.changes(Window(T0, T0 + 60 * MINUTE))) == len(calls)
    past.replace(scan(estate, **at(16)))
    assert len(past.history.changes(Window(T0, T0 + 60 * MINUTE))) == 2 * len(calls)
    assert held(past) == past.history.replayed()
    assert held(store) == store.history.replayed()
    past.close()


def test_what_changed_in_the_quarter_hour_before_the_alert(
    store: GraphStore, estate: Sequence[Fact], scan: Make, said: Make
) -> None:
    """One call says what came and went before the alert, typed, with its run; the first sight is no change."""
    replicas = next(each for each in estate if each.predicate == terms.REPLICAS)
    store.replace(scan(estate, **at(50)))
    more = said(replicas.subject, terms.REPLICAS, 5)
    store.replace(scan([more, *(each for each in estate if each != replicas)], **at(55)))
    store.learn("case-1", [])
    window = Window(T0 + 60 * MINUTE, T0 + 61 * MINUTE).before(15 * 60)
    found = store.history.changes(window)
    assert [(each.op, each.object, each.source, each.scope, each.layer) for each in found] == [
        ("-", 2, "compose", "shop", Layer.DECLARED),
        ("+", 5, "compose", "shop", Layer.DECLARED),
    ]
    assert {each.time for each in found} == {T0 + 55 * MINUTE}
    assert all("run/compose/shop/" in each.run for each in found)
    assert store.history.changes(window.before(60)) == ()
    assert len(store.history.changes(window, first_sight=True)) == len(estate) + 2
    assert list(store.history.first_seen(window).values()) == [len(estate)]


def test_near_leaves_out_what_is_far(store: GraphStore, estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """Near a deployment: its own changes and those of the pod that went with it, and not those of another one."""
    cart, ledger = (thing("deployment", "shop", each) for each in ("cart", "ledger"))
    pod = thing("pod", "c", "shop", "cart-1")
    gone = [said(pod, terms.MANAGED_BY, cart), said(pod, terms.STATUS, "Running")]
    other = said(ledger, terms.STATUS, "Available")
    store.replace(scan([*estate, *gone, other], **at(0)))
    store.replace(scan(estate, **at(5)))
    window = Window(T0, T0 + 10 * MINUTE)
    assert len(store.history.changes(window)) == 3
    assert {each.subject for each in store.history.changes(window, near=[cart])} == {pod}
    assert len(store.history.changes(window, near=View(store).find("cart-deployment"))) == 2
    assert {each.subject for each in store.history.changes(window, near=View(store).nearby("ledger"))} == {ledger}
    assert store.history.changes(window, near=[]) == ()


def test_diff_leaves_out_what_came_and_went(store: GraphStore, estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """A difference names what one time has and the other has not, whatever happened in between."""
    brief, new = (said(service("web"), terms.CALLS, service(each)) for each in ("brief", "new"))
    for minute, facts in enumerate(([*estate], [*estate, brief], [*estate[1:], new])):
        store.replace(scan(facts, **at(minute)))
    found = store.history.diff(T0, T0 + 2 * MINUTE)
    assert [each.object for each in found.appeared] == [new.object]
    assert [each.subject for each in found.vanished] == [estate[0].subject]
    assert len(store.history.diff(T0, T0)) == 0
    assert len(store.history.diff(T0 - MINUTE, T0 + 2 * MINUTE).appeared) == len(estate)
    with pytest.raises(BadInput):
        store.history.diff(T0 + MINUTE, T0)


def test_what_a_case_learned_is_in_the_history(estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """What an investigation learned and took back is known as of the minutes between."""
    times = iter([T0 + MINUTE, T0 + 2 * MINUTE])
    store = GraphStore.memory(now=lambda: next(times))
    store.replace(scan(estate, **at(0)))
    store.learn("case-1", [said(service("web"), terms.DEPENDS_ON, service("ledger"), confidence=0.7)])
    store.forget_learned("case-1")
    found = store.history.changes(Window(T0, T0 + 3 * MINUTE))
    assert [(each.op, each.run, each.layer) for each in found] == [
        ("+", "case-1", Layer.LEARNED),
        ("-", "case-1", Layer.LEARNED),
    ]
    (learned,) = (each for each in store.as_of(T0 + MINUTE).facts() if each.layer is Layer.LEARNED)
    assert learned.confidence == 0.7


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3 if not os.environ.get("WORKBENCH_SOAK") else 100))
def test_any_sequence_replays_to_the_store(seed: int, tmp_path: Path, scan: Make, said: Make) -> None:
    """After any sequence of scans, lessons, aliases, loads and reopenings the log leads to the store, at every time."""
    chance = random.Random(seed)
    minute = iter(range(10_000))

    def now() -> datetime:
        return T0 + next(minute) * MINUTE

    values = ('é \\ " \n', 1, 1.5, True, T0, service("s-1"), "x" * 50)
    names = [service(f"s-{n}") for n in range(6)]

    def some() -> list[Fact]:
        return [
            said(
                chance.choice(names),
                chance.choice((terms.VALUE, terms.CALLS, terms.LABEL)),
                chance.choice(values),
                confidence=chance.choice((1.0, 1.0, 0.9, 0.5)),
                layer=chance.choice(tuple(Layer)),
                evidence=chance.choice(("", "a.yaml:1")),
            )
            for _ in range(chance.randrange(12))
        ]

    store = GraphStore.open(tmp_path / "graph", now=now)
    moments: list[tuple[datetime, set[tuple[str, ...]]]] = []
    for _ in range(40):
        match chance.randrange(8):
            case 0 | 1 | 2 | 3:
                taken = now()
                whole = chance.random() < 0.7
                scope = chance.choice(("a", "b"))
                store.replace(scan(some(), scope=scope, complete=whole, started=taken, finished=taken))
            case 4:
                store.learn(chance.choice(("case-1", "case-2")), some())
            case 5:
                store.forget_learned("case-1")
            case 6:
                one, two = chance.sample(range(6), 2)
                store.alias(names[min(one, two)], names[max(one, two)], source="test")
            case _:
                store.close()
                store = GraphStore.open(tmp_path / "graph", now=now)
        moments.append((now(), held(store)))
        assert store.history.replayed() == held(store)
    for moment, then in chance.sample(moments, 6):
        with store.as_of(moment) as past:
            assert held(past) == then
    folded = moments[20]
    assert store.history.log.fold(folded[0]) >= 0
    assert store.history.replayed() == held(store)
    with store.as_of(moments[25][0]) as past:
        assert held(past) == moments[25][1]
    with pytest.raises(BadInput, match="history begins"):
        store.as_of(T0 - MINUTE)
    store.close()


def _scan_for_ever(path: Path, scans: list[Scan], acknowledged: Any) -> None:
    store = GraphStore.open(path)
    while True:
        for n, each in enumerate(scans):
            store.replace(each)
            acknowledged.value = n + 1


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(4 if not os.environ.get("WORKBENCH_SOAK") else 60))
def test_a_killed_writer_leaves_log_and_store_alike(attempt: int, tmp_path: Path, scan: Make, said: Make) -> None:
    """After SIGKILL at any moment: one whole generation, nothing acknowledged lost, and the log leads to the store."""
    scans = [scan([said(service(f"{n}-{i}"), terms.LABEL, str(n)) for i in range(300)], **at(n)) for n in range(100)]
    context = multiprocessing.get_context("spawn")
    acknowledged = context.Value("i", 0, lock=False)  # a lock would die with its holder
    writer = context.Process(target=_scan_for_ever, args=(tmp_path / "graph", scans, acknowledged))
    writer.start()
    while not acknowledged.value and writer.is_alive():
        time.sleep(0.002)
    writer.join(0.013 * attempt)
    assert writer.pid
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    with GraphStore.open(tmp_path / "graph") as store:
        (generation,) = {str(each.object) for each in store.facts()}
        assert len(store) == 300
        assert int(generation) in (acknowledged.value - 1, acknowledged.value % len(scans))
        assert store.history.replayed() == held(store)
        store.replace(scan([], **at(999)))
        assert store.history.replayed() == held(store)


@pytest.mark.parametrize("taken", [False, True])
def test_a_batch_left_pending_is_finished(
    taken: bool, tmp_path: Path, estate: Sequence[Fact], scan: Make, said: Make
) -> None:
    """A writer that died between log and store, or before the mark of done, is finished by the next one."""
    path = tmp_path / "graph"
    with GraphStore.open(path) as store:
        store.replace(scan(estate, **at(0)))
    log = ChangeLog.open(path)
    row = Row("+", f"<{graph('fact', 'compose', 'shop')}>", f"<{service('web')}>", f"<{terms.STATUS}>", '"up"')
    log.begin([row], T0 + MINUTE, "run", Kind.SCAN)
    log.close()
    for _ in range(1 + taken):
        with GraphStore.open(path) as store:
            assert said(service("web"), terms.STATUS, "up") in store.facts()
            assert len(store) == len(estate) + 1
            assert store.history.replayed() == held(store)
        with sqlite3.connect(path / FILE) as db:
            assert db.execute("SELECT count(*) FROM batch WHERE done = 0").fetchone() == (0,)


def test_a_store_without_its_log_begins_a_new_one(tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """Where the log was lost the facts stay, the history begins with them, and says so when asked for more."""
    path = tmp_path / "graph"
    with GraphStore.open(path) as store:
        store.replace(scan(estate, **at(0)))
        store.replace(scan(estate[1:], **at(1)))
    for each in path.glob(f"{FILE}*"):
        each.unlink()
    with GraphStore.open(path) as store:
        assert store.history.begins == T0 + MINUTE
        assert len(store.as_of(T0 + MINUTE)) == len(estate) - 1
        with pytest.raises(BadInput, match="begins 2026-01-01 03:01:00"):
            store.as_of(T0)
        store.replace(scan(estate, **at(2)))
        assert len(store.history.changes(Window(T0, T0 + 9 * MINUTE))) == 1
        assert store.history.replayed() == held(store)


def test_a_damaged_log_is_named(tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """A log that is none is a sentence with a way out, not a crash."""
    path = tmp_path / "graph"
    with GraphStore.open(path) as store:
        store.replace(scan(estate))
    for each in path.glob(f"{FILE}*"):
        each.unlink()
    (path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(Unavailable, match="history"):
        GraphStore.open(path)


def test_a_refused_write_leaves_no_trace(tmp_path: Path, estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """What is refused for its content is neither in the store nor in the log."""
    with GraphStore.open(tmp_path / "graph") as store:
        store.replace(scan(estate, **at(0)))
        with pytest.raises(BadInput):
            store.replace(scan([said(Iri("not an iri"), terms.LABEL, "x")], **at(1)))
        assert store.history.log.last == 1
        assert store.history.replayed() == held(store)


def test_a_clock_that_is_set_back(store: GraphStore, estate: Sequence[Fact], scan: Make) -> None:
    """Within one graph what was written later is later, whatever the clock said."""
    store.replace(scan(estate, **at(10)))
    store.replace(scan(estate[1:], **at(5)))
    assert len(store.as_of(T0 + 9 * MINUTE)) == 0
    assert len(store.as_of(T0 + 10 * MINUTE)) == len(estate) - 1


def test_readers_have_the_history_of_what_they_see(tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """A reader's copy looks back as far as the writer's log, and not at what was written after it was published."""
    path = tmp_path / "graph"
    with GraphStore.open(path) as writer:
        writer.replace(scan(estate, **at(0)))
        writer.replace(scan(estate[1:], **at(1)))
        writer.share()
        writer.replace(scan(estate[5:], **at(2)))
        with GraphStore.latest(path) as reader:
            assert len(reader.history.changes(Window(T0, T0 + 9 * MINUTE))) == 1
            assert [len(reader.as_of(T0 + n * MINUTE)) for n in range(-1, 3)] == [
                0,
                len(estate),
                len(estate) - 1,
                len(estate) - 1,
            ]
            assert held(reader) == reader.history.replayed()
            reader.replace(scan(estate, **at(3)))
            assert len(reader.as_of(T0 + 2 * MINUTE)) == len(estate) - 1
            assert held(reader) == reader.history.replayed()


def test_a_loaded_graph_is_known_since_its_last_run(tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """A recorded graph is known from the end of its last run on, and loading it is no change of the estate."""
    recorded = GraphStore.memory()
    recorded.replace(scan(estate, **at(0)))
    copy = GraphStore.memory()
    copy.load(recorded.dump(tmp_path / "graph.nq"))
    assert copy.history.replayed() == held(copy)
    assert len(copy.as_of(T0)) == len(estate)
    assert copy.history.changes(Window(T0, T0 + MINUTE), first_sight=True) == ()
    (tmp_path / "more.nq").write_text('_:a <urn:p> _:b .\n_:a <urn:p> "x" <urn:g> .\n')
    copy.load(tmp_path / "more.nq")
    assert copy.history.replayed() == held(copy)
    assert len(copy.as_of(T0)) == len(estate)


def test_many_who_open_a_new_log_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """A log that does not exist yet is opened by all who come at the same moment."""
    together = threading.Barrier(8)

    def opened() -> int:
        together.wait()
        log = ChangeLog.open(tmp_path)
        try:
            return log.last
        finally:
            log.close()

    with ThreadPoolExecutor(8) as pool:
        assert [each.result() for each in [pool.submit(opened) for _ in range(8)]] == [0] * 8
