"""Seconds of thinking, ours beside BARO's on the same answered cases in one run, and growth with the size of an estate.

    nice python benchmarks/rca.py CASES... [--largest 4000]

Processor time of one thought over everything that was answered (ours reads traces, logs, changes and state too, BARO
metrics alone); other work on the machine says nothing of either. Growth: one case's services are tiled under other
names up to 4,000, and the time and the peak of memory are taken at each size.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from robustness import Asked, ask, rename

from ontology import iris
from ontology.nouns import Entity
from ontology.terms import Kind
from workbench.bench.baselines import baseline
from workbench.bench.run import cases
from workbench.nouns import Answered, Budget, Case, Modality, Observation
from workbench.reasoning.statistical import StatisticalReasoner

NOTHING = Budget(questions=0)
SIZES = (40, 400, 4000)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    given = parser.parse_args()
    asked = [ask(folder) for folder in cases(given.cases)]
    print(f"{'dataset':<20} {'n':>4} {'ours, s':>9} {'BARO, s':>9} {'ratio':>6}   (medians of processor time)")  # noqa: T201  # a benchmark speaks to its reader
    for dataset in sorted({each.dataset for each in asked}):
        its = [each for each in asked if each.dataset == dataset]
        ours = [seconds(lambda case: StatisticalReasoner().think(case, NOTHING), each) for each in its]
        theirs = [seconds(lambda case: baseline("baro").think(case, NOTHING), each) for each in its]
        ratio = median(o / t for o, t in zip(ours, theirs, strict=True))
        print(f"{dataset:<20} {len(its):>4} {median(ours):>9.3f} {median(theirs):>9.3f} {ratio:>6.2f}", flush=True)  # noqa: T201  # a benchmark speaks to its reader
    grow(given.largest)


def seconds(think: Callable[[Case], object], asked: Asked) -> float:
    """Return the processor time of one thought."""
    began = time.process_time()
    think(asked.case)
    return time.process_time() - began


def grow(largest: int) -> None:
    """Print time and memory of an estate of tiled services: forty, and tens of them beside each other."""
    print(f"{'services':>9} {'series':>8} {'s':>8} {'s per 1,000':>12} {'peak MB':>8}")  # noqa: T201  # a benchmark speaks to its reader
    one = estate(40)
    for size in (each for each in SIZES if each <= largest):
        case = tiled(one, size // 40)
        began = time.process_time()
        StatisticalReasoner().think(case, NOTHING)
        taken = time.process_time() - began
        tracemalloc.start()
        StatisticalReasoner().think(case, NOTHING)
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(f"{size:>9} {size * 3:>8} {taken:>8.2f} {1000 * taken / size:>12.2f} {peak:>8.0f}", flush=True)  # noqa: T201  # a benchmark speaks to its reader


def estate(n: int) -> Case:
    """Return a made-up case: a chain of n services with latency, requests and CPU, of which the last became slow."""
    from datetime import UTC, datetime, timedelta

    from ontology.nouns import Alert, Fact, Layer, Window
    from ontology.terms import CALLS
    from workbench.nouns import Question

    fired = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
    window = Window(fired - timedelta(minutes=5), fired)
    stamps = pd.date_range(fired - timedelta(minutes=35), fired, freq="30s")
    names, dice, parts = [f"s{k}" for k in range(n)], np.random.default_rng(7), []
    for name in names:
        for metric, level in (("latency_average_seconds", 0.1), ("requests_per_second", 20.0), ("cpu_percent", 30.0)):
            values = level * (1 + 0.02 * dice.standard_normal(len(stamps)))
            if name == names[-1] and metric != "requests_per_second":
                values = np.where(stamps >= pd.Timestamp(window.start), 3 * values, values)
            parts.append(pd.DataFrame({"time": stamps, "entity": name, "metric": metric, "value": values}))
    table = pd.concat(parts, ignore_index=True)
    scope = tuple(Entity(iris.service(name), Kind.SERVICE, name) for name in names)
    facts = tuple(
        Fact(a.iri, CALLS, b.iri, layer=Layer.RUNNING, source="made up", seen=fired) for a, b in pairwise(scope)
    )
    alert = Alert("slow", "LatencyHigh", window, summary="latency is high", labels={"service": names[0]})
    question = Question(Modality.METRICS, window, baseline=window.before(1800))
    seen = Observation(question, Answered("", table), "made up", fired)
    return Case("case", alert, scope=scope, topology=facts, observations=(seen,))


def tiled(case: Case, times: int) -> Case:
    """Return the case with its estate `times` beside itself, each copy under names and addresses of its own."""
    copies = [_copy(case, k) for k in range(times)]
    tables = [copy.observations[0].table for copy in copies]
    reply = Answered("", pd.concat([table for table in tables if table is not None], ignore_index=True))
    return replace(
        case,
        scope=tuple(entity for copy in copies for entity in copy.scope),
        topology=tuple(fact for copy in copies for fact in copy.topology),
        observations=(replace(case.observations[0], reply=reply),),
    )


def _copy(case: Case, k: int) -> Case:
    if k == 0:
        return case
    words = {each.name: f"{each.name}c{k}" for each in case.scope}
    new = {each.iri: iris.service(words[each.name]) for each in case.scope}
    copy = rename(case, words)
    return replace(
        copy,
        scope=tuple(replace(each, iri=new[each.iri]) for each in copy.scope),
        topology=tuple(replace(each, subject=new[each.subject], object=new[each.object]) for each in case.topology),  # type: ignore[index]  # both ends are services
    )


if __name__ == "__main__":
    main()
