"""What the graph costs beside the bare engine, in one run: ratios, so that they hold on any machine.

    python benchmarks/graph.py [--facts 1M] [--folder DIR]

The estate is made up (`graph_estate`), the store lies on disk, and every figure is wall time unless it says otherwise.
Bars are those of `docs/graph.md`; "no bar" is for the reader's information.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyoxigraph import QuerySolutions, RdfFormat, Store

from ontology.iris import PREFIXES
from ontology.nouns import Iri
from scanners.protocol import Scan
from workbench.graph.ask import ask
from workbench.graph.changes import bulked
from workbench.graph.queries import BLAST_RADIUS, CALLERS
from workbench.graph.store import GraphStore

sys.path.insert(0, str(Path(__file__).parent))
from graph_estate import BEGIN, CODE, Estate, later

RUNS = 31
"""How often a query is asked; its figure is the median."""
MOST = 1_000_000
"""Of so many facts a tenth changes; of more, no more."""
TURNS = 7
"""How often a scope is loaded and scanned again."""
DESCRIBE = "SELECT ?predicate ?value WHERE { $it ?predicate ?value }"
ANCESTORS = "SELECT DISTINCT ?thing WHERE { $it (wb:runsOn|wb:partOf)+ ?thing }"
UPSTREAM = "SELECT DISTINCT ?thing WHERE { ?thing wb:calls+ $it }"
TWO_HOPS = """SELECT DISTINCT ?thing WHERE {
  { $it wb:calls/wb:calls? ?thing } UNION { ?thing wb:calls/wb:calls? $it }
}"""
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    figure: str
    value: float
    unit: str = ""
    bar: float | None = None

    def __str__(self) -> str:
        """Return figure, value, bar, and whether it is met."""
        said = "" if self.bar is None else f"<= {self.bar:g}"
        verdict = "no bar" if self.bar is None else "met" if self.value <= self.bar else "not met"
        return f"{self.figure:62s} {self.value:12.3f} {self.unit:6s} {said:>9s}  {verdict}"


def seconds(do: Callable[[], object]) -> float:
    """Return how long it took."""
    gc.collect()
    begin = time.perf_counter()
    do()
    return time.perf_counter() - begin


@dataclass(slots=True)
class Spent:
    """What something took, in seconds."""

    clock: float = 0
    processor: float = 0
    """Of all threads of this process."""

    def by(self, do: Callable[[], object]) -> None:
        """Add what this takes."""
        gc.collect()
        clock, processor = time.perf_counter(), time.process_time()
        do()
        self.clock += time.perf_counter() - clock
        self.processor += time.process_time() - processor


def resident() -> float:
    """Return the memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def size(folder: Path) -> float:
    """Return what the files of the folder take in MB, each once however often it is linked."""
    found = {(each.stat().st_ino, each.stat().st_blocks) for each in folder.rglob("*") if each.is_file()}
    return sum(blocks for _, blocks in found) * 512 / 1e6


def loading(store: GraphStore, estate: Estate, folder: Path) -> Iterator[Row]:
    """Load the estate, scan by scan, and the same quads into the bare engine.

    The two take turns, about ten times, so that what else the machine does meets both: the bare engine gets a file with
    what ours has just taken. Time of the processor, all threads, is said beside the time on the clock.
    """
    before, ours, theirs = resident(), Spent(), Spent()
    bare = Store(str(folder / "bare"))
    for scans in _shares(estate):
        for scan in scans:
            ours.by(lambda one=scan: store.replace(one))  # type: ignore[misc]  # bound at once
        file = folder / "same.nq"
        file.write_bytes(_added(store, len(scans)))
        theirs.by(lambda one=str(file): bare.bulk_load(path=one, format=RdfFormat.N_QUADS))  # type: ignore[misc]
        file.unlink()
    yield Row("memory of the writer after the load", resident() - before, "MB")
    yield Row("publish for the first time: snapshot and united default graph", seconds(store.share), "s")
    yield Row("bare bulk_load of the same quads, in turn with ours", theirs.clock, "s")
    yield Row("load with provenance and history", ours.clock, "s")
    yield Row("load / bare bulk_load", ours.clock / theirs.clock, "x", 1.5)
    yield Row("load / bare bulk_load, time of the processor", ours.processor / theirs.processor, "x")


def _shares(estate: Estate) -> Iterator[list[Scan]]:
    """Yield the scans in about ten shares."""
    share: list[Scan] = []
    for scan in estate.scans():
        share.append(scan)
        if sum(len(each.facts) for each in share) >= estate.facts / 10:
            yield share
            share = []
    if share:
        yield share


def _added(store: GraphStore, batches: int) -> bytes:
    """Return what the latest batches added, as N-Quads."""
    log = store.history.log
    latest = log.batches()[-batches:]
    return b"".join(
        [*map(log.bulk, latest), bulked(row[1:] for row in log.rows(latest, bulk=False) if row.op == "+").quads]
    )


def rescans(store: GraphStore, estate: Estate) -> Iterator[Row]:
    """Scan a scope of 50,000 facts (a twentieth of a smaller estate) again and again, and load as large ones anew.

    They take turns, so that what else the machine does meets all three. The first rescan of a process is said apart: it
    reads from the log what the scope said last.
    """
    functions = min(50_000, max(estate.facts // 20, 600)) // CODE
    few = functions * CODE // 200  # one fact goes and one comes for each: 1 % in all
    scope = estate.code(1_000, functions)
    store.replace(scope)
    again = later(estate.code(1_000, functions), 1)
    after_start = seconds(lambda: store.replace(again))
    took: list[tuple[float, ...]] = []
    for n in range(1, 1 + TURNS):
        scans = (
            estate.code(1_000 + n, functions),
            later(estate.code(1_000, functions, changed=few * (n % 2)), 2 * n),
            later(estate.code(1_000, functions, changed=few * (n % 2)), 2 * n + 1),
        )
        took.append(tuple(seconds(lambda one=each: store.replace(one)) for each in scans))  # type: ignore[misc]
    first, some, same = (statistics.median(each) for each in zip(*took, strict=True))
    yield Row(f"first load of a scope of {len(scope.facts):,} facts", first, "s")
    yield Row("rescan, nothing changed, the first of a process", after_start, "s")
    yield Row("rescan, nothing changed", same, "s")
    yield Row("rescan, 1 % changed", some, "s")
    yield Row("rescan, nothing changed / first load", same / first, "x", 0.05)
    yield Row("rescan, 1 % changed / first load", some / first, "x", 0.05)


def queries(store: GraphStore, estate: Estate, raw: Store, data: Any) -> Iterator[Row]:
    """Ask the catalogue, the same text raw, and rdflib a smaller estate."""
    node = estate.node(0, 1)
    cases: list[tuple[str, str, Iri]] = [
        ("describe", DESCRIBE, estate.process(0, 3)),
        ("ancestors", ANCESTORS, estate.process(0, 3)),
        ("blast radius of a service", BLAST_RADIUS, estate.service(2)),
        ("blast radius of a node", BLAST_RADIUS, node),
        ("two hops", TWO_HOPS, estate.service(11)),
        ("callers of a hub", CALLERS, estate.service(1)),
        ("callers of a hub, direct or not", UPSTREAM, estate.service(1)),
    ]
    for name, text, it in cases:
        sparql = text.replace("$it", f"<{it}>")
        ours, theirs = _both(lambda one=sparql: list(store.rows(one)), lambda one=sparql: _raw(raw, one))  # type: ignore[misc]
        rows = len(list(store.rows(sparql)))
        yield Row(f"{name} ({rows:,} rows)", 1e3 * ours, "ms", 50 if rows <= 1_000 else None)
        yield Row(f"{name} / the same text raw", ours / theirs, "x", 1.3)
        list(data.query(sparql, initNs=PREFIXES))  # the first time its parser is made
        slow = seconds(lambda one=sparql: list(data.query(one, initNs=PREFIXES)))  # type: ignore[misc]
        yield Row(f"{name}, rdflib with {len(data):,} facts", 1e3 * slow, "ms")


def _both(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Return the medians of two that are asked in turn, so that what else the machine does meets both."""
    times: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    for _ in range(RUNS):
        for do, spent in zip((one, other), times, strict=True):
            begin = time.perf_counter()
            do()
            spent.append(time.perf_counter() - begin)
    return statistics.median(times[0]), statistics.median(times[1])


def _raw(store: Store, sparql: str) -> list[tuple[str | None, ...]]:
    """Ask the engine itself, and read every value of every row as text."""
    found = store.query(sparql, prefixes=PREFIXES, use_default_graph_as_union=True)
    assert isinstance(found, QuerySolutions)
    width = range(len(found.variables))
    return [tuple(None if each[i] is None else each[i].value for i in width) for each in found]


def rdflib_of(estate: Estate) -> Any:
    """Return a smaller estate in rdflib, whose own store takes a minute for a million facts."""
    import rdflib

    with GraphStore.memory() as small:
        for scan in Estate(min(estate.facts, 20_000)).scans():
            small.replace(scan)
        flat = rdflib.Graph()
        for triple in small.to_rdflib().triples((None, None, None)):
            flat.add(triple)
    return flat


def history(store: GraphStore, estate: Estate) -> Iterator[Row]:
    """Change a tenth of the facts, 100,000 at most, and look back."""
    functions = max(min(estate.facts, MOST) // 100, 60) // CODE
    scans = [estate.code(2_000, functions, changed=functions * (n % 2)) for n in range(2)]
    begin, per_scan = 500, 2 * functions
    store.replace(later(scans[0], begin))
    rounds = max(2, min(estate.facts, MOST) // 10 // per_scan)
    for n in range(1, rounds + 1):
        store.replace(later(scans[n % 2], begin + n))
    changes = rounds * per_scan
    for name, minute in (("before the changes", begin), ("in the middle of them", begin + rounds / 2)):
        moment = BEGIN + minute * MINUTE
        took = [seconds(lambda at=moment: store.as_of(at).close()) for _ in range(3)]  # type: ignore[misc]
        yield Row(f"as_of {name} ({changes:,} changes)", statistics.median(took), "s", 1)
    end = BEGIN + (begin + rounds) * MINUTE
    took = [seconds(lambda: store.history.diff(BEGIN + begin * MINUTE, end)) for _ in range(3)]
    yield Row(f"diff over {changes:,} changes", statistics.median(took), "s", 1)


def scattered(store: GraphStore, estate: Estate) -> Iterator[Row]:
    """Change each fact once, so that no change undoes another."""
    functions = max(min(estate.facts, MOST) // 20, 60)
    begin, part = 300, 10
    for n in range(part + 1):
        store.replace(later(estate.code(3_000, functions, changed=functions * n // part), begin + n))
    changes = 2 * functions
    for name, minute in (("before", begin), ("in the middle of", begin + part // 2)):
        moment = BEGIN + minute * MINUTE
        took = [seconds(lambda at=moment: store.as_of(at).close()) for _ in range(3)]  # type: ignore[misc]
        yield Row(f"as_of {name} {changes:,} changes of as many facts", statistics.median(took), "s", 1)
    took = [seconds(lambda: store.history.diff(BEGIN + begin * MINUTE, BEGIN + (begin + part) * MINUTE)) for _ in "123"]
    yield Row(f"diff over {changes:,} changes of as many facts", statistics.median(took), "s", 1)


def asking(folder: Path) -> Iterator[Row]:
    """Ask a published store in a process that reads it, through the killable worker."""
    with GraphStore.latest(folder / "graph") as copy:
        for name in ("first", "second"):
            took = seconds(lambda: ask(copy, "SELECT (COUNT(*) AS ?n) { ?a wb:calls ?b }"))
            yield Row(f"{name} %%sparql of a reading process, worker and all", took, "s")


def rows(facts: int, folder: Path) -> Iterator[Row]:
    """Yield the whole table."""
    estate = Estate(facts)
    with GraphStore.open(folder / "graph") as store:
        yield from loading(store, estate, folder)
        raw = Store.read_only(str(folder / "bare"))
        yield from queries(store, estate, raw, rdflib_of(estate))
        shutil.rmtree(folder / "bare")
        yield from rescans(store, estate)
        yield from scattered(store, estate)
        yield from history(store, estate)
        yield Row("publish again: snapshot and united default graph", seconds(store.share), "s")
    yield from asking(folder)
    yield Row("files of the store, its log and its copies", size(folder / "graph"), "MB")


def _number(text: str) -> int:
    return int(float(text.upper().replace("K", "e3").replace("M", "e6")))


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--facts", type=_number, default=1_000_000, help="such as 10M; default 1M")
    options.add_argument("--folder", type=Path, help="where to keep the store meanwhile; default: a temporary folder")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        print(f"{given.facts:,} facts; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")  # noqa: T201
        for row in rows(given.facts, Path(place)):
            print(row, flush=True)  # noqa: T201
        print(f"load average {os.getloadavg()[0]:.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
