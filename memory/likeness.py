"""Pure: how alike are an incident now and an episode then, and why.

Structure first (same alert, same entities, same shape of symptoms), then the meaning of the words, which comes in as
a number so that this module needs no model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from memory.protocol import Episode, Symptom
from ontology.nouns import Alert, Entity

WEIGHTS = {"alert": 0.15, "entities": 0.10, "symptoms": 0.45, "shape": 0.20, "meaning": 0.10}
"""Chosen by judgement: symptoms say most, words least. They sum to one."""
ALIKE = 0.4
"""Likeness from which an episode is worth showing: the same alert on the same entities alone is not enough."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike, 0 to 1, and the sentences that say why."""

    value: float
    why: tuple[str, ...]


Weigh = Callable[[Any], float]
"""What an item weighs."""


def equal(_: object) -> float:
    """Return one: every symptom weighs the same."""
    return 1.0


def likeness(
    alert: Alert,
    near: Sequence[Entity],
    symptoms: Sequence[Symptom],
    episode: Episode,
    meaning: float = 0.0,
    rarity: Weigh = equal,
) -> Likeness:
    """Compare what we see now with what we remember.

    Args:
        alert: the alert now.
        near: entities around it.
        symptoms: the shape of the incident as far as it has been seen.
        episode: what is remembered.
        meaning: cosine likeness of the two texts, -1 to 1; 0 where no model is at hand.
        rarity: what a symptom weighs, as rare ones say more.
    """
    shared = sorted({each.name for each in near} & {each.name for each in episode.entities})
    now, then = set(symptoms), set(episode.symptoms)
    parts = {
        "alert": 1.0 if alert_name(alert) == alert_name(episode.alert) else 0.0,
        "entities": len(shared) / len({each.name for each in episode.entities}) if shared else 0.0,
        "symptoms": _overlap(now, then, rarity),
        "shape": _overlap(_shape(now), _shape(then)),
        "meaning": max(0.0, meaning),
    }
    value = sum(WEIGHTS[name] * part for name, part in parts.items())
    return Likeness(round(value, 4), tuple(_reasons(parts, shared, now & then, alert)))


def alert_name(alert: Alert) -> str:
    """Return by what name alerts are the same one."""
    return alert.labels.get("alertname", alert.title).casefold()


def _shape(symptoms: Collection[Symptom]) -> set[tuple[str, str]]:
    return {(each.signal, each.direction) for each in symptoms}


def _overlap(now: Collection[object], then: Collection[object], weigh: Weigh = equal) -> float:
    """Return the weighted Jaccard index; 0 where one side is empty, since silence is not likeness."""
    if not now or not then:
        return 0.0
    either = sum(weigh(each) for each in set(now) | set(then))
    return sum(weigh(each) for each in set(now) & set(then)) / either if either else 0.0


def _reasons(parts: dict[str, float], shared: list[str], same: set[Symptom], alert: Alert) -> list[str]:
    why = []
    if parts["alert"]:
        why.append(f"same alert {alert_name(alert)}")
    if same:
        first = ", ".join(f"{each.entity} {each.signal} {each.direction}" for each in _sorted(same)[:3])
        why.append(f"{len(same)} {'symptom' if len(same) == 1 else 'symptoms'} in common: {first}")
    elif parts["shape"] >= 0.3:
        why.append(f"the same kinds of signals moved ({parts['shape']:.0%}), on other entities")
    if shared:
        why.append(f"same entities: {', '.join(shared[:4])}")
    if parts["meaning"] >= 0.5:
        why.append(f"told in alike words ({parts['meaning']:.2f})")
    return why


def _sorted(symptoms: Collection[Symptom]) -> list[Symptom]:
    return sorted(symptoms, key=lambda each: (each.entity, each.signal, each.direction))
