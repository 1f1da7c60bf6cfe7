"""A judged case -> what we are willing to show. Quiet is a finding too: it says what was weighed and held back."""

from __future__ import annotations

from workbench.nouns import Case, Finding, Hypothesis, State

MOST = 3
"""Findings of a case; the rest of the hypotheses stay on the board."""


def conclude(case: Case, threshold: float) -> tuple[Finding, ...]:
    """Return a finding for each of the leading hypotheses; only the first may be surfaced.

    Args:
        case: its hypotheses are judged and ranked.
        threshold: confidence, 0 to 1, from which the first is surfaced; one that a person confirmed always is.
    """
    standing = [each for each in case.hypotheses if each.state is not State.RULED_OUT]
    standing.sort(key=lambda each: each.state is not State.CONFIRMED)  # stable: confirmed first, then as ranked
    return tuple(_finding(each, n == 0 and _shown(each, threshold)) for n, each in enumerate(standing[:MOST]))


def _shown(hypothesis: Hypothesis, threshold: float) -> bool:
    return hypothesis.state is State.CONFIRMED or hypothesis.confidence.value >= threshold


def _finding(hypothesis: Hypothesis, surfaced: bool) -> Finding:
    lead = max(
        (each for each in hypothesis.evidence if each.stance == "for"), key=lambda each: each.weight, default=None
    )
    said = f": {lead.note}" if lead else ""
    steps = [hypothesis.next_step] if hypothesis.next_step else []
    if hypothesis.would_refute:
        steps.append(f"It would be refuted if {hypothesis.would_refute}.")
    return Finding(hypothesis.id, f"{hypothesis.claim}{said}.", hypothesis.confidence, surfaced, tuple(steps))
