"""Two runs over the same cases: what got better or worse, case by case, and whether that is more than noise.

    compared(json.loads(a.read_text()), json.loads(b.read_text()))

Runs are the JSON of `bench run --json`. Only cases that both hold and both have scored are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memory import measures
from ontology.errors import BadInput
from workbench.bench.score import DEPTH

NOISE = 0.05
"""A p above this, or an interval around zero, is called noise."""


@dataclass(frozen=True, slots=True)
class Change:
    """One case whose rank is not the same in both; None where the cause is not among the suspects."""

    case_id: str
    dataset: str
    before: int | None
    after: int | None

    @property
    def better(self) -> bool:
        """Whether the second run ranks the cause higher."""
        return _place(self.after) < _place(self.before)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs come to on the cases of one dataset."""

    dataset: str
    n: int
    first: tuple[float, float]
    """AC@1 of the one and of the other."""
    average: tuple[float, float]
    """Avg@5 likewise."""
    change: measures.Interval | None
    """95 % interval of the difference in Avg@5, by resampling cases in pairs."""
    p: float
    """Exact McNemar test of AC@1."""
    changes: tuple[Change, ...]
    seconds: tuple[float, float] = (0.0, 0.0)
    """A case, mean."""
    dollars: tuple[float, float] = (0.0, 0.0)

    @property
    def verdict(self) -> str:
        """Better, worse, or noise."""
        moved = self.average[1] - self.average[0]
        sure = self.p <= NOISE or (self.change is not None and (self.change.low > 0 or self.change.high < 0))
        return ("better" if moved > 0 else "worse") if sure and moved else "no more than noise"


def compared(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Comparison, ...]:
    """Return a comparison for each dataset that both runs hold.

    Raises:
        BadInput: one is no run, or they share no scored case.
    """
    left, right = _scored(one), _scored(other)
    shared = [key for key in left if key in right]
    if not shared:
        raise BadInput("The two runs share no scored case.", next_step="Run both over the same --cases.")
    datasets = sorted({dataset for dataset, _ in shared})
    return tuple(_compared(name, [(left[key], right[key]) for key in shared if key[0] == name]) for name in datasets)


def _scored(run: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    try:
        cases = [each for each in run["cases"] if each["root_cause"] is not None]
        return {(each["dataset"], each["case_id"]): each for each in cases}
    except (KeyError, TypeError) as error:
        raise BadInput("This is no result of `bench run --json`.", next_step="Name the file that it wrote.") from error


def _compared(dataset: str, pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Comparison:
    ranks = [(one["rank"], other["rank"]) for one, other in pairs]
    hits = [(one == 1, other == 1) for one, other in ranks]
    values = [(_average(one), _average(other)) for one, other in ranks]
    changes = [Change(one["case_id"], dataset, one["rank"], other["rank"]) for one, other in pairs]
    return Comparison(
        dataset,
        len(pairs),
        _means(hits),
        _means(values),
        measures.interval([after - before for before, after in values]),
        measures.same_by_chance(sum(b and not a for a, b in hits), sum(a and not b for a, b in hits)),
        tuple(sorted((each for each in changes if each.before != each.after), key=lambda c: (c.better, c.case_id))),
        _means([(one["seconds"], other["seconds"]) for one, other in pairs]),
        _means([(one.get("dollars", 0.0), other.get("dollars", 0.0)) for one, other in pairs]),
    )


def _means(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return (sum(one for one, _ in pairs) / len(pairs), sum(other for _, other in pairs) / len(pairs))


def _average(rank: int | None) -> float:
    """Return Avg@5 of one case."""
    return 0.0 if rank is None or rank > DEPTH else (DEPTH - rank + 1) / DEPTH


def _place(rank: int | None) -> float:
    return float("inf") if rank is None else rank


def told(comparisons: Sequence[Comparison]) -> str:
    """Return the comparison as text: a line a dataset, then every case that changed, what got worse first."""
    lines = [f"{'dataset':<18} {'n':>4}  {'AC@1':>12}  {'Avg@5':>12}  {'change of Avg@5':>18}  {'p':>6}  verdict"]
    for each in comparisons:
        spread = "" if each.change is None else f"{each.change.low:+.2f} to {each.change.high:+.2f}"
        lines.append(
            f"{each.dataset:<18} {each.n:>4}  {each.first[0]:>4.2f} -> {each.first[1]:.2f}"
            f"  {each.average[0]:>4.2f} -> {each.average[1]:.2f}  {spread:>18}  {each.p:>6.3f}  {each.verdict}"
        )
    for each in comparisons:
        for change in each.changes:
            word = "better" if change.better else "worse"
            lines.append(f"{word}: {change.case_id}: {_said(change.before)} -> {_said(change.after)}")
    return "\n".join(lines)


def _said(rank: int | None) -> str:
    return "not named" if rank is None else f"rank {rank}"
