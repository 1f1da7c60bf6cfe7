"""Results -> a table for a person, JSON for a machine."""

from __future__ import annotations

from typing import Any

from workbench.bench.score import Results, Score, accuracy, average


def payload(results: Results) -> dict[str, Any]:
    """Return `{"datasets": {name: {n, ac@1, ac@3, avg@5, seconds_per_case}}, "cases": [...]}`.

    `n` counts the cases with a root cause to find; the shares are None where there is none.
    """
    return {
        "datasets": {name: _dataset(results.of(name)) for name in results.datasets},
        "cases": [_case(score) for score in results.scores],
    }


def _dataset(scores: tuple[Score, ...]) -> dict[str, Any]:
    ranks = [score.rank for score in scores if score.root_cause is not None]
    seconds = [score.outcome.seconds for score in scores]
    return {
        "n": len(ranks),
        "ac@1": _short(accuracy(ranks, 1)),
        "ac@3": _short(accuracy(ranks, 3)),
        "avg@5": _short(average(ranks)),
        "seconds_per_case": _short(sum(seconds) / len(seconds)),
    }


def _case(score: Score) -> dict[str, Any]:
    outcome = score.outcome
    return {
        "case_id": outcome.case_id,
        "dataset": outcome.dataset,
        "root_cause": score.root_cause,
        "scored": score.scored,
        "rank": score.rank,
        "suspects": list(outcome.suspects),
        "failure_modes": list(outcome.failure_modes),
        "right_failure_mode": score.right_mode,
        "confidence": outcome.confidence,
        "surfaced": outcome.surfaced,
        "quiet": score.quiet,
        "ended": outcome.ended,
        "questions": outcome.questions,
        "seconds": _short(outcome.seconds),
        "crash": outcome.crash,
    }


def table(results: Results) -> str:
    """Return the datasets as a table of text, and under it what was missed, crashed or not scored."""
    head = f"{'dataset':<20} {'n':>5} {'AC@1':>6} {'AC@3':>6} {'Avg@5':>6} {'s/case':>7}"
    rows = [_row(name, results) for name in results.datasets]
    return "\n".join([head, *rows, *_remarks(results)])


def _row(name: str, results: Results) -> str:
    figures = _dataset(results.of(name))
    shares = " ".join(f"{'-' if figures[key] is None else format(figures[key], '.2f'):>6}" for key in _SHARES)
    return f"{name:<20} {figures['n']:>5} {shares} {figures['seconds_per_case']:>7.2f}"


_SHARES = ("ac@1", "ac@3", "avg@5")


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
