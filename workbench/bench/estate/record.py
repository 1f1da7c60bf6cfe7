"""Record an incident of the shop: run it, load it, break it, keep what its telemetry showed.

    python -m workbench.bench.estate.record --fault slow-ledger --out workbench/bench/recordings
    python -m workbench.bench.estate.record --fault burn-payment --out tests/recordings --names shuffled --seed 5
    python -m workbench.bench.estate.record --graph workbench/bench/recordings/shop-7f3a2c

The answer goes to `--truth`, never into the case; by default to `truth` beside the folder `--out`, or inside it where
the names are shuffled.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ontology.errors import PersonError, Unavailable
from workbench.bench.estate import alerting, tables, variant
from workbench.bench.estate.collecting import Receiver, Scraper, otlp_spans
from workbench.bench.estate.faults import Release, Scenario, scenario
from workbench.bench.estate.running import Estate

ENVIRONMENT = "shop"
EVERY, WARM, USERS = 2.0, 12.0, 12
"""Seconds between scrapes; seconds of load that are not kept; how many users."""
LIMIT = 350_000
"""Bytes of a recording, the graph not counted."""
CHANGES = ("time", "entity", "kind", "summary", "ref", "detail")
STATE = ("time", "entity", "kind", "field", "value")
LATENCY, ERRORS = 0.5, 0.05
"""Thresholds of the rules on duty: p99 in seconds, share of failed requests."""


@dataclass
class Take:
    """One run, as it happened."""

    scenario: Scenario
    names: dict[str, str]
    seed: int
    start: float = 0.0
    fault: float = 0.0
    end: float = 0.0
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    state: list[tuple[Any, ...]] = field(default_factory=list)


def say(text: str) -> None:
    """Tell the person what goes on."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def release(estate: Estate, take: Take, wanted: Release) -> None:
    """Deploy, and keep the change as a deployment tool would report it."""
    name = take.names[wanted.role]
    old = estate.declared()[name]["SERVICE_VERSION"]
    changes = {
        variant.renamed(key, take.names): variant.renamed(value, take.names) for key, value in wanted.changes.items()
    }
    at = time.time()
    diff = estate.deploy(name, wanted.version, changes)
    summary = f"{name} {old} -> {wanted.version}: " + (", ".join(changes) or "no configuration changed")
    take.changes.append((at, name, "deploy", summary, wanted.ref, diff))
    take.state += _started(name, wanted.version, time.time())


def _started(name: str, version: str, at: float) -> list[tuple[Any, ...]]:
    return [(at, name, "process", "version", version), (at, name, "process", "state", "running")]


def perform(estate: Estate, take: Take, seconds: tuple[float, float]) -> None:
    """Run the scenario to its end: normal time with a harmless release in it, then the fault."""
    plot, dice = take.scenario, random.Random(take.seed)  # noqa: S311  # not a secret
    take.start = time.time()
    for name, env in estate.declared().items():
        take.state += _started(name, str(env["SERVICE_VERSION"]), take.start)
    if plot.role:
        _sleep(take.start + seconds[0] * dice.uniform(0.25, 0.65))
        release(estate, take, plot.decoy)
    _sleep(take.start + seconds[0])
    take.fault = time.time()
    if plot.release:
        release(estate, take, plot.release)
    elif plot.inject:
        plot.inject(estate, take.names[plot.role])
    else:
        release(estate, take, plot.decoy)
    say("past the turning point")
    _sleep(take.fault + seconds[1])
    take.end = time.time()


def _sleep(until: float) -> None:
    time.sleep(max(0.0, until - time.time()))


def run(take: Take, folder: Path, seconds: tuple[float, float]) -> dict[str, pd.DataFrame]:
    """Run the shop in a folder and return the tables, every trace in them."""
    variant.write(take.names, folder)
    receiver = Receiver(folder / "spans.jsonl")
    try:
        with Estate(folder, receiver.port) as estate:
            estate.visit(take.names["gateway"], USERS, take.seed)
            time.sleep(WARM)
            scraper = Scraper({name: estate.url(name) for name in estate.ports}, EVERY)
            say("recording")
            perform(estate, take, seconds)
            scraper.close()
    finally:
        receiver.close()
    spans = otlp_spans(folder / "spans.jsonl")
    made = {
        "metrics": tables.metrics(scraper.scrapes),
        "traces": tables.traces(spans),
        "logs": tables.logs(folder, list(take.names.values())),
        "changes": tables.events(take.changes, CHANGES),
        "state": tables.events(take.state, STATE),
    }
    return {name: within(table, take) for name, table in made.items()}


def within(table: pd.DataFrame, take: Take) -> pd.DataFrame:
    """Return the rows of the recorded time; of the traces, those that began and ended in it, whole."""
    start, end = (pd.Timestamp(moment, unit="s", tz="UTC") for moment in (take.start, take.end))
    if "trace_id" not in table or "start" not in table:
        return table[(table["time"] >= start.floor("ms")) & (table["time"] < end)].reset_index(drop=True)
    inside = (table["start"] >= start) & (table["start"] + pd.to_timedelta(table["duration_ms"], unit="ms") < end)
    whole = inside.groupby(table["trace_id"]).transform("all")
    return table[whole].reset_index(drop=True)


def check(table: pd.DataFrame, take: Take) -> None:
    """Make sure that the fault was felt at the entry, and that nothing was felt where there is none.

    Raises:
        Unavailable: the recording does not show what it should; it is not written.
    """
    entry, turn = take.names["gateway"], pd.Timestamp(take.fault, unit="s", tz="UTC")
    p99, errors = alerting.signal(table, entry, "latency"), alerting.signal(table, entry, "errors")
    last = pd.Timestamp(take.end - 40, unit="s", tz="UTC")
    slower = p99[p99.index > last].median() / p99[p99.index < turn].median()
    failing, before = errors[errors.index > last].mean(), errors[errors.index < turn].mean()
    say(f"entry: p99 x{slower:.2f}, errors {before:.3%} -> {failing:.2%}")
    felt = slower > 1.5 or failing > 0.05
    if felt != bool(take.scenario.role) or before > 0.01 or (not take.scenario.role and slower > 1.25):
        raise Unavailable(
            f"The recording does not show what it should: p99 x{slower:.2f}, errors {before:.2%} -> {failing:.2%}.",
            next_step="Record again on a calmer machine.",
        )


def fired(table: pd.DataFrame, take: Take) -> alerting.Firing:
    """Return the alert that really fired after the turning point.

    Raises:
        Unavailable: none fired, or one fired before.
    """
    watch, turn = take.names[take.scenario.watch], pd.Timestamp(take.fault, unit="s", tz="UTC")
    if take.scenario.role:
        rules = [alerting.Rule(watch, "latency", LATENCY), alerting.Rule(watch, "errors", ERRORS)]
        early = alerting.firing(table, rules, pd.Timestamp(0, tz="UTC"), turn)
    else:
        since = pd.Timestamp(take.fault + 25, unit="s", tz="UTC")
        rules, turn = [alerting.touchy(table, watch, since)], since
        early = alerting.firing(table, rules, since, since)
    if early is None or early.at < turn:
        problem = "No rule fired." if early is None else f"{early.rule.alertname} fired before the fault."
        raise Unavailable(problem, next_step="Record again on a calmer machine.")
    return early


def written(take: Take, made: dict[str, pd.DataFrame], out: Path, truth: Path) -> Path:
    """Write the case folder and, apart from it, the answer."""
    alarm = fired(made["metrics"], take)
    case_id = "shop-" + hashlib.sha256(f"{take.seed}{take.start}".encode()).hexdigest()[:6]
    folder = out / case_id
    folder.mkdir(parents=True)
    share = _save(made, folder)
    split = take.fault - random.Random(take.seed + 1).uniform(12, 35)  # noqa: S311  # the edge must not tell the time
    case = {
        "case_id": case_id,
        "dataset": "workbench-shop",
        "system": f"a small shop, {len(take.names)} services",
        "summary": alerting.alert(alarm, ENVIRONMENT)["annotations"]["summary"],
        "alert": alerting.alert(alarm, ENVIRONMENT),
        "window_normal": [alerting.iso(take.start), alerting.iso(split)],
        "window_abnormal": [alerting.iso(split), alerting.iso(take.end)],
        "sampling_s": EVERY,
        "files": {name: [f"{name}.parquet", len(pd.read_parquet(folder / f"{name}.parquet"))] for name in made},
        "environment": ENVIRONMENT,
        "note": f"Real processes under load. {share:.0%} of the traces are kept, whole, by hash of their id; all logs.",
    }
    (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")
    truth.mkdir(parents=True, exist_ok=True)
    (truth / f"{case_id}.json").write_text(json.dumps(answer(take), indent=1) + "\n")
    return folder


def answer(take: Take) -> dict[str, str | None]:
    """Return what the scorer knows."""
    quiet = not take.scenario.role
    return {
        "root_cause": None if quiet else take.names[take.scenario.role],
        "failure_mode": None if quiet else take.scenario.failure_mode,
        "level": "service",
        "t_fault": None if quiet else alerting.iso(take.fault),
        "fault_type": take.scenario.fault_type,
    }


def _save(made: dict[str, pd.DataFrame], folder: Path) -> float:
    """Write the tables; of the traces, as large a share as fits. Return that share."""
    for name, table in made.items():
        table.to_parquet(folder / f"{name}.parquet", compression="zstd", index=False)
    share, whole = 1.0, made["traces"]
    while (size := sum(each.stat().st_size for each in folder.iterdir())) > LIMIT:
        traces = (folder / "traces.parquet").stat().st_size
        share = round(share * max(0.5, 0.97 * (traces - (size - LIMIT)) / traces), 2)
        sample = whole[[tables.kept(each, share) for each in whole["trace_id"]]]
        sample.to_parquet(folder / "traces.parquet", compression="zstd", index=False)
    return share


def record(fault: str, out: Path, truth: Path, names: dict[str, str], seed: int, seconds: tuple[float, float]) -> Path:
    """Record one scenario and return the folder of the case."""
    take = Take(scenario(fault), names, seed)
    with tempfile.TemporaryDirectory(prefix="shop-") as folder:
        made = run(take, Path(folder), seconds)
        check(made["metrics"], take)
        return written(take, made, out, truth)


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="workbench.bench.estate.record", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--fault", help="name of the scenario, see faults.py")
    parser.add_argument("--out", type=Path, help="folder that gets the folder of the case")
    parser.add_argument("--truth", type=Path, help="folder that gets the answer")
    parser.add_argument("--seconds", type=float, nargs=2, default=(150.0, 100.0), metavar=("NORMAL", "FAULT"))
    parser.add_argument("--names", choices=("plain", "shuffled"), default="plain")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--graph", type=Path, metavar="DIR", help="only make graph.nq.gz of a recorded case")
    args = parser.parse_args(words)
    try:
        names = variant.shuffled(args.seed) if args.names == "shuffled" else variant.plain()
        if args.graph:
            from workbench.bench.estate import mapping

            say(f"wrote {mapping.write(args.graph, names)}")
            return 0
        if not args.fault or not args.out:
            parser.error("--fault and --out are needed (or --graph)")
        truth = args.truth or (args.out if args.names == "shuffled" else args.out.parent) / "truth"
        say(f"wrote {record(args.fault, args.out, truth, names, args.seed, tuple(args.seconds))}")
    except PersonError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
