"""Chaos on the live estate: faults made, recorded and mended one after another, and a check of all of it.

run(("lock-ledger", "dns-cart"), Path("recordings"), Path("truth"), seed=1)
check()
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from ontology.errors import PersonError, Unavailable
from workbench.bench.estate.chaos_replay import replay
from workbench.bench.estate.faults import CATALOGUE, fault
from workbench.bench.estate.faults.nouns import Fault
from workbench.bench.estate.recorder import Alive, Pace, Say, taken, written
from workbench.bench.estate.recorder_names import renamed, shuffled, write_as
from workbench.bench.estate.recorder_sources import SAMPLED

CHECKED = ("lock-ledger", "flag-reviews", "delay-inventory")
"""What `check` breaks: a dependency, a configuration, the network."""
LONG = Pace()
"""Of cases that are kept."""
SAMPLER = "OTEL_TRACES_SAMPLER_ARG"
SHORT = Pace(calm=6.0, normal=40.0, after=20.0)
"""Of the check, which nobody learns from."""
Up = Callable[[], AbstractContextManager[Alive]]


def listed() -> list[dict[str, str]]:
    """Return what there is, a line a fault."""
    return [_line(each) for each in CATALOGUE.values()]


def _line(each: Fault) -> dict[str, str]:
    label = each.label
    return {
        "fault": each.name,
        "family": each.family,
        "entity": label.entity if label else "",
        "failure_mode": label.mode if label else "",
        "mechanism": label.mechanism if label else "nothing is at fault",
        "code": label.code if label else "",
        "impact": " or ".join(f"{one.service} {one.signal} {one.least:g}" for one in each.impact)
        or "none at the entry",
    }


def up() -> AbstractContextManager[Alive]:
    """Return the estate, started, its services declared to send a share of their traces."""
    from workbench.bench.estate.running import Estate  # late: it looks for servers and compilers

    return Estate.up(declared=lambda text: text.replace(f'{SAMPLER}: "1.0"', f'{SAMPLER}: "{SAMPLED}"'))


def run(
    names: Sequence[str],
    out: Path,
    truth: Path,
    *,
    seed: int = 1,
    hidden: bool = False,
    pace: Pace = LONG,
    say: Say = print,
    start: Up = up,
) -> dict[str, str]:
    """Record faults one after another on one estate; after one that fails, on a new one.

    Args:
        names: of the faults, in their order.
        out: gets a folder for each case.
        truth: gets the answers.
        seed: decides what is left to chance: when harmless releases happen, the cases' names.
        hidden: whether services are called by random words in what is written.
        pace: how long the parts take.
        say: told what happens.
        start: starts the estate.

    Returns:
        The problem of each fault that could not be recorded, by its name.

    Raises:
        NotFound: no fault is called so.
        Unavailable: the estate does not come up.
    """
    chosen, problems = [fault(name) for name in names], dict[str, str]()
    with ExitStack() as standing:
        estate = standing.enter_context(start())
        for place, each in enumerate(chosen):
            try:
                take = taken(estate, each, seed=seed + place, pace=pace, say=say)
                folder = written(estate, take, out, truth, say=say).folder
            except PersonError as error:
                problems[each.name] = error.problem
                say(f"{each.name}: FAILED: {error.problem}")
                if each is not chosen[-1]:  # what is left of it must not spoil the others
                    standing.close()
                    estate = standing.enter_context(start())
                continue
            if hidden:
                hide(folder, truth / f"{folder.name}.json", estate.services, seed + place)
            say(f"{each.name}: wrote {folder}")
    return problems


def hide(folder: Path, answer: Path, services: Sequence[str], seed: int) -> None:
    """Call the services of a case by random words, in its answer as well."""
    names = shuffled(services, seed)
    write_as(folder, names)
    said = json.loads(answer.read_text())
    hidden = {**json.loads(renamed(json.dumps(said), names)), "fault": said["fault"]}  # as the catalogue calls it
    answer.write_text(json.dumps(hidden, indent=1) + "\n")


def check(*, faults: Sequence[str] = CHECKED, say: Say = print, start: Up = up, pace: Pace = SHORT) -> None:
    """Bring the estate up, record faults, replay them, take it down, and look for what is left.

    Raises:
        Unavailable: a step failed; it says which.
    """
    with tempfile.TemporaryDirectory() as place:
        with _step("the estate comes up", say):
            standing = start()
            estate = standing.__enter__()
        try:
            for number, name in enumerate(faults):
                with _step(f"{name} is made, felt and recorded", say):
                    take = taken(estate, fault(name), seed=number, pace=pace, say=say)
                    made = written(estate, take, Path(place), Path(place) / "truth", say=say)
                with _step(f"{name} is replayed with equal answers", say):
                    replay(estate, take, made)
        finally:
            where = estate.folder
            with _step("the estate goes down", say):
                standing.__exit__(None, None, None)
        with _step("no process is left", say):
            left = processes_of(where)
            if left:
                raise Unavailable(f"These are left: {', '.join(left)}.", next_step="End them by their ids.")


@contextmanager
def _step(words: str, say: Say) -> Iterator[None]:
    """Say that a step was done, or which one failed."""
    try:
        yield
    except PersonError as error:
        raise Unavailable(f"FAILED: {words}: {error.problem}", next_step=error.next_step) from error
    say(f"ok: {words}")


def processes_of(folder: Path) -> list[str]:
    """Return the processes that have to do with the folder of an estate: their id and what was started."""
    import psutil

    found = []
    for each in psutil.process_iter(["pid", "cmdline", "cwd"]):
        words, where = " ".join(each.info["cmdline"] or ()), Path(each.info["cwd"] or "/")
        if each.pid != os.getpid() and (str(folder) in words or where.is_relative_to(folder)):
            found.append(f"{each.pid} {words[:60]}")
    return found
