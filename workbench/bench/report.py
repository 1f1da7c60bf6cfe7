"""Results -> a table for a person, JSON for a machine.

Every rate comes with its n and a bootstrap interval; before the rates stands what the gate found (`gate.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from memory import measures
from workbench.bench.score import Results, Score, average

DEPTHS = (1, 3, 5)


def payload(results: Results) -> dict[str, Any]:
    """Return `{"validity", "datasets": {name: figures}, "average", "faultless", "groups", "cases": [...]}`.

    The figures of a dataset, a system, a fault family or a difficulty are those of `figures`. `average` is the mean
    of the datasets' calibration figures, each dataset counted once, since the largest would hide the rest.
    """
    datasets = {name: figures(results.of(name)) for name in results.datasets}
    return {
        "validity": validity(results),
        "datasets": datasets,
        "average": _averaged(datasets),
        "faultless": faultless(results),
        "groups": {name: _grouped(results.scores, by) for name, by in GROUPS.items()},
        "cases": [_case(score) for score in results.scores],
    }


GROUPS: Mapping[str, Callable[[Score], str]] = {
    "system": lambda score: f"{score.outcome.dataset}: {score.outcome.system}" if score.outcome.system else "",
    "fault_family": lambda score: f"{score.outcome.dataset}: {score.family}" if score.family else "",
    "difficulty": lambda score: f"{score.outcome.dataset}: {score.difficulty}" if score.difficulty else "",
}
AVERAGED = ("auroc", "ece", "brier_skill", "augrc", "precision_surfaced", "share_surfaced")


def figures(scores: Sequence[Score]) -> dict[str, Any]:
    """Return what these scores come to; a share of nothing is None, never zero.

    - `n`: cases with a root cause to find; `cases`: all; `crashed`, `unscored`, `quiet_n` (nothing was at fault)
    - `ac@1`, `ac@3`, `ac@5`, `avg@5`, `cause_accuracy` (failure mode of the first is right, where one is known),
      `joint@1` (taxonomy, object and cause all right, where the dataset has causes)
    - `abstained`: share of incidents with nothing surfaced; `false_blame`: share of faultless cases with a surfaced one
    - `precision_surfaced`, `share_surfaced`; `auroc`, `ece`, `brier_skill`, `augrc` of the first one's confidence
    - `seconds_per_case`, `seconds_median`, `dollars_per_case`; `intervals`: 95 % bootstrap, by the same names
    """
    faulty = [score for score in scores if score.root_cause is not None]
    ranks = [score.rank for score in faulty]
    seconds = [score.outcome.seconds for score in scores]
    sure, right = _belief(scores)
    samples = _samples(scores, faulty)
    held = {name: _mean(values) for name, values in samples.items()}
    spreads = {name: measures.interval(values) for name, values in samples.items()}
    for name, measure in CONFIDENCE.items():
        held[name] = measure(sure, right)
        spreads[name] = measures.spread(sure, right, measure) if held[name] is not None else None
    return {
        "n": len(ranks),
        "cases": len(scores),
        "crashed": sum(bool(score.outcome.crash) for score in scores),
        "unscored": sum(not score.scored for score in scores),
        "quiet_n": sum(score.quiet is not None for score in scores),
        **{name: _short(value) for name, value in held.items()},
        "seconds_per_case": _short(sum(seconds) / len(seconds)) if seconds else None,
        "seconds_median": _short(median(seconds)) if seconds else None,
        "dollars_per_case": _short(_mean([score.outcome.dollars for score in scores])),
        "intervals": {name: [_short(it.low), _short(it.high)] for name, it in spreads.items() if it is not None},
    }


CONFIDENCE: Mapping[str, Callable[[Any, Any], float | None]] = {
    "auroc": measures.auroc,
    "ece": measures.ece,
    "brier_skill": measures.brier_skill,
    "augrc": measures.augrc,
}


def _samples(scores: Sequence[Score], faulty: Sequence[Score]) -> dict[str, list[float]]:
    """Return for each rate its cases as numbers: the rate is their mean, its interval their bootstrap."""
    found = {f"ac@{k}": [float(s.rank is not None and s.rank <= k) for s in faulty] for k in DEPTHS}
    found["avg@5"] = [average([score.rank]) or 0.0 for score in faulty]
    found["cause_accuracy"] = [float(score.right_mode) for score in faulty if score.right_mode is not None]
    found["joint@1"] = [float(score.joint) for score in faulty if score.joint is not None]
    found["abstained"] = [float(not score.outcome.surfaced) for score in faulty]
    found["share_surfaced"] = [float(score.outcome.surfaced) for score in faulty]
    found["precision_surfaced"] = [float(s.rank == 1) for s in scores if s.scored and s.outcome.surfaced]
    found["false_blame"] = [float(not score.quiet) for score in scores if score.quiet is not None]
    return found


def _belief(scores: Iterable[Score]) -> tuple[list[float], list[bool]]:
    """Return the confidence of each case's first hypothesis, and whether it is right; nobody to blame is wrong."""
    told = [score for score in scores if score.scored and score.outcome.confidence is not None]
    return [float(score.outcome.confidence or 0.0) for score in told], [score.rank == 1 for score in told]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _grouped(scores: Iterable[Score], by: Callable[[Score], str]) -> dict[str, Any]:
    parts: dict[str, list[Score]] = {}
    for score in scores:
        if by(score):
            parts.setdefault(by(score), []).append(score)
    return {name: figures(parts[name]) for name in sorted(parts)}


def _averaged(datasets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    found = {}
    for name in AVERAGED:
        known = [each[name] for each in datasets.values() if each[name] is not None]
        found[name] = _short(_mean(known))
    return found


def faultless(results: Results) -> dict[str, Any]:
    """Return over all cases in which nothing was at fault: `n`, `systems`, `false_blame` and its 95 % interval.

    The interval is Clopper and Pearson's (1934), exact: no blame in so many is no proof of none, and a bootstrap of
    nothing but zeros would say so. None without such a case.
    """
    held = [score for score in results.scores if score.quiet is not None]
    loud = sum(not score.quiet for score in held)
    systems = {score.outcome.system or score.outcome.dataset for score in held}
    known = measures.proportion(loud, len(held))
    return {
        "n": len(held),
        "systems": len(systems),
        "false_blame": _short(loud / len(held)) if held else None,
        "interval": [_short(known.low), _short(known.high)] if known else None,
    }


def validity(results: Results) -> dict[str, Any]:
    """Return what the gate found: how many load, have a source that answered, differ from the time before."""
    held = [score.outcome.validity for score in results.scores]
    of = {score.outcome.case_id: score.outcome.validity for score in results.scores}
    faulty = [score.outcome.case_id for score in results.scores if score.root_cause]
    return {
        "cases": len(held),
        "load": sum(each.loads for each in held),
        "answered": sum(each.fit for each in held),
        "differ": sum(each.fit and each.differs for each in held),
        "unfit": {name: each.why or "no source answered" for name, each in of.items() if not each.fit},
        "fault_not_visible": [name for name in faulty if of[name].fit and not of[name].differs],
    }


def _case(score: Score) -> dict[str, Any]:
    outcome = score.outcome
    return {
        "case_id": outcome.case_id,
        "dataset": outcome.dataset,
        "system": outcome.system,
        "root_cause": score.root_cause,
        "fault_family": score.family,
        "difficulty": score.difficulty,
        "scored": score.scored,
        "rank": score.rank,
        "suspects": list(outcome.suspects),
        "failure_modes": list(outcome.failure_modes),
        "right_failure_mode": score.right_mode,
        "causes": list(outcome.causes),
        "joint": score.joint,
        "confidence": outcome.confidence,
        "features": dict(outcome.features),
        "surfaced": outcome.surfaced,
        "quiet": score.quiet,
        "ended": outcome.ended,
        "questions": outcome.questions,
        "seconds": _short(outcome.seconds),
        "dollars": outcome.dollars,
        "crash": outcome.crash,
    }


COLUMNS = (("AC@1", "ac@1"), ("AC@3", "ac@3"), ("AC@5", "ac@5"), ("Avg@5", "avg@5"), ("joint@1", "joint@1"))
BELIEF = (("AUROC", "auroc"), ("ECE", "ece"), ("Brier", "brier_skill"), ("shown", "share_surfaced"),
          ("right", "precision_surfaced"), ("blame", "false_blame"))  # fmt: skip


def table(results: Results) -> str:
    """Return the gate, the datasets as a table of text, and under it what was missed, crashed or not scored."""
    head = " ".join([f"{'dataset':<18} {'n':>4}", *(f"{name:>7}" for name, _ in (*COLUMNS, *BELIEF)), f"{'s/case':>7}"])
    rows = [_row(name, figures(results.of(name))) for name in results.datasets]
    lines = [line for pair in rows for line in pair]
    return "\n".join([_gate(results), head, *lines, *_blamed(results), *_remarks(results)])


def _blamed(results: Results) -> list[str]:
    """Return the line on false blame over all faultless cases, where there are any."""
    held = faultless(results)
    if not held["n"]:
        return []
    low, high = held["interval"]
    said = f"{held['false_blame']:.3f} ({low:.3f}-{high:.3f})"
    return [f"false blame in {held['n']} faultless cases of {held['systems']} systems: {said}"]


def _gate(results: Results) -> str:
    found = validity(results)
    return (
        f"{found['cases']} cases: {found['load']} load, in {found['answered']} a source answered, "
        f"in {found['differ']} the incident differs from the time before"
    )


def _row(name: str, held: Mapping[str, Any]) -> tuple[str, str]:
    """Return the line of a dataset, and under it the 95 % interval of AC@1."""
    shares = " ".join(f"{_told(held[key]):>7}" for _, key in (*COLUMNS, *BELIEF))
    low, high = held["intervals"].get("ac@1", (None, None))
    return (
        f"{name:<18} {held['n']:>4} {shares} {held['seconds_per_case']:>7.2f}",
        f"{'':<18} {'':>4} {_told(low)}-{_told(high)}" if low is not None else "",
    )


def _told(value: float | None) -> str:
    return "-" if value is None else format(value, ".2f")


def _remarks(results: Results) -> list[str]:
    said = []
    for score in results.scores:
        outcome = score.outcome
        if outcome.crash:
            said.append(f"crashed: {outcome.case_id}: {outcome.crash}")
        elif not score.scored:
            said.append(f"no answer: {outcome.case_id}, first suspect {outcome.suspects[:1] or 'none'}")
        elif score.quiet is False:
            said.append(f"not quiet: {outcome.case_id} surfaced {outcome.suspects[0]}, where nothing was at fault")
        elif score.root_cause is not None and score.rank != 1:
            place = f"at {score.rank}" if score.rank else "not among the suspects"
            said.append(f"missed: {outcome.case_id}: {score.root_cause} is {place}")
        elif score.right_mode is False:
            modes = f"{outcome.failure_modes[0]}, not {score.failure_mode}"
            said.append(f"other failure mode: {outcome.case_id}: {modes}")
    return said


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
