"""What a model concluded -> hypotheses, each held up by observations that exist; the rest is dropped and counted.

A model can be talked into things by what it reads, so its word is bounded. A citation carries the weight that
statistics gave that observation for that suspect; where statistics gave none it carries UNWEIGHED, too little to count
as a kind of telemetry that agrees. Its belief moves what was measured for the suspect by UP or DOWN at most. So it can
change which mode is named, order suspects that are close, and speak against; it alone surfaces nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ontology.errors import ModelError
from ontology.nouns import Entity
from ontology.terms import FAILURE_MODES
from workbench.nouns import Case, Evidence, Failed, Hypothesis, State
from workbench.ports import Thought
from workbench.reasoning.claude.quoting import quoted
from workbench.reasoning.claude.tools import in_scope

UNWEIGHED = 0.4
"""Nats for an observation that statistics did not weigh for this suspect."""
UP, DOWN = 0.5, 1.0
"""Logits by which a model's belief may raise, and lower, what was measured: doubt is let through more easily."""
UNMEASURED = 0.25
"""The belief to start from where statistics did not suspect the entity at all."""
MOST = 5
"""Hypotheses that are read."""
SENTENCE = 400
"""Characters of a claim or a note."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is left of a model's conclusion."""

    hypotheses: tuple[Hypothesis, ...]
    dropped: tuple[str, ...]
    """Why each of the others was dropped, a sentence each."""


def concluded(arguments: Mapping[str, Any], case: Case, ground: Sequence[Hypothesis]) -> Conclusion:
    """Return the hypotheses that can be held, on the ground of the statistical ones.

    Raises:
        ModelError: `hypotheses` is not a list of objects; the model reads why.
    """
    said = arguments.get("hypotheses")
    if not isinstance(said, list) or not all(isinstance(each, dict) for each in said):
        raise ModelError("`hypotheses` is a list of objects.")
    held: dict[str, Hypothesis] = {}
    dropped = []
    for each in said[:MOST]:
        try:
            hypothesis = _held(each, case, ground)
            held.setdefault(hypothesis.id, hypothesis)
        except ModelError as error:
            dropped.append(str(error))
    return Conclusion(tuple(held.values()), tuple(dropped))


def with_earlier(ground: Thought, case: Case) -> Thought:
    """Return the ground with what the model concluded in an earlier turn of this case, until it concludes anew."""
    earlier = {each.id: each for each in case.hypotheses if by_model(each)}
    known = {each.id for each in ground.hypotheses}
    kept = tuple(_joined(earlier[each.id], each) if each.id in earlier else each for each in ground.hypotheses)
    return replace(ground, hypotheses=(*kept, *(each for key, each in earlier.items() if key not in known)))


def by_model(hypothesis: Hypothesis) -> bool:
    """Say whether a model proposed the hypothesis or spoke for it, and nobody ruled it out since."""
    return "claude" in hypothesis.proposed_by and hypothesis.state is not State.RULED_OUT


def voiced(measured: float | None, belief: float | None) -> float | None:
    """Return the measured belief, moved towards the model's by UP or DOWN at most; None where neither is known.

    >>> round(voiced(0.9, 0.99), 2), round(voiced(0.5, 0.01), 2), voiced(0.9, None)
    (0.94, 0.27, 0.9)
    """
    if belief is None:
        return measured
    start = _logit(UNMEASURED if measured is None else measured)
    moved = start + max(-DOWN, min(UP, _logit(belief) - start))
    return 1 / (1 + math.exp(-moved))


def _logit(value: float) -> float:
    value = max(0.001, min(0.999, value))
    return math.log(value / (1 - value))


def _measured(suspect: Entity, ground: Sequence[Hypothesis]) -> float | None:
    """Return the strongest belief that was measured in this suspect, whatever the mode."""
    known = (each.assessment for each in ground if each.suspect == suspect and each.assessment is not None)
    return max(known, default=None)


def merged(model: Sequence[Hypothesis], ground: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    """Return the model's hypotheses, then those of the ground that it did not name: nothing measured is lost."""
    named = {each.id for each in model}
    return (*model, *(each for each in ground if each.id not in named))


def _held(said: Mapping[str, Any], case: Case, ground: Sequence[Hypothesis]) -> Hypothesis:
    """Return one hypothesis; raise ModelError where it names what is not there."""
    suspect = in_scope(said.get("suspect"), case)
    named = str(said.get("failure_mode"))
    mode = named if named in FAILURE_MODES else "unknown"
    evidence = _evidence(said.get("evidence"), suspect, case, ground)
    if not any(each.stance == "for" for each in evidence):
        raise ModelError(f"The claim about {suspect.name} cites no observation that exists and speaks for it.")
    fresh = Hypothesis(
        _sentence(said.get("claim")) or f"{suspect.name}: {FAILURE_MODES[mode]}",
        suspect,
        mode,
        evidence,
        assessment=voiced(_measured(suspect, ground), _belief(said.get("belief"))),
        proposed_by="claude",
        would_refute=_sentence(said.get("would_refute")),
        next_step=_sentence(said.get("next_step")),
        onset=next((each.at for each in evidence if each.at), None),
    )
    return _joined(fresh, next((each for each in ground if each.id == fresh.id), None))


def _joined(fresh: Hypothesis, known: Hypothesis | None) -> Hypothesis:
    """Return the known hypothesis with what the model adds: its words, its belief, its readings."""
    if known is None:
        return fresh
    seen = {each.observation for each in known.evidence}
    voices = dict.fromkeys((*known.proposed_by.split(" and "), "claude"))
    return replace(
        known,
        claim=fresh.claim,
        evidence=(*known.evidence, *(each for each in fresh.evidence if each.observation not in seen)),
        assessment=voiced(known.assessment, fresh.assessment),
        proposed_by=" and ".join(voices),
        would_refute=fresh.would_refute or known.would_refute,
        next_step=fresh.next_step or known.next_step,
    )


def _evidence(cited: object, suspect: Entity, case: Case, ground: Sequence[Hypothesis]) -> tuple[Evidence, ...]:
    """Return what the citations of observations that exist, and did look, amount to; one an observation."""
    found: dict[str, Evidence] = {}
    for each in cited if isinstance(cited, list) else ():
        observation = case.observation(str(each.get("observation"))) if isinstance(each, dict) else None
        if observation is None or isinstance(observation.reply, Failed) or observation.id in found:
            continue
        stance: Literal["for", "against"] = "against" if each.get("stance") == "against" else "for"
        weighed = _weighed(observation.id, stance, suspect, ground)
        found[observation.id] = Evidence(
            observation.id,
            stance,
            weighed.weight if weighed else UNWEIGHED,
            _sentence(each.get("note")) or (weighed.note if weighed else "cited without a note"),
            observation.question.modality,
            query=f'case.show("{observation.id}", entity={suspect.name!r})',
            at=weighed.at if weighed else None,
        )
    return tuple(found.values())


def _weighed(observation: str, stance: str, suspect: Entity, ground: Sequence[Hypothesis]) -> Evidence | None:
    """Return what statistics made of the observation for this suspect, the strongest where there are several."""
    known = (
        each
        for hypothesis in ground
        if hypothesis.suspect == suspect
        for each in hypothesis.evidence
        if each.observation == observation and each.stance == stance
    )
    return max(known, key=lambda each: each.weight, default=None)


def _sentence(value: object) -> str:
    return " ".join(quoted(value, SENTENCE).split()) if isinstance(value, str) else ""


def _belief(value: object) -> float | None:
    """Return a belief between 0 and 1; what is no number is no belief, not a zero."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # NaN
        return None
    return min(1.0, max(0.0, float(value)))
