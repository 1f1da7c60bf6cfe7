"""Signs -> who is suspected most. Families add up at half weight; what is explained by a callee is discounted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Family, Sign
from workbench.reasoning.statistical.vocabulary import Signal

FURTHER = 0.5
"""Weight of every family after the strongest: families are not independent, all follow from one fault."""
WAITING = 0.3
"""Weight of what piles up (threads, pool, queue, descriptors) at an entity that waits for a slow callee."""
PILES_UP = frozenset({Signal.THREADS, Signal.POOL, Signal.QUEUE, Signal.DESCRIPTORS})
ENOUGH = 1.5
"""Nats of other evidence that an entity needs before a change to it counts in full."""
NULL = 2.0
"""Nats that `nothing of this` starts with: evidence has to beat it to be believed."""
FOLLOWS, FOLLOWING = "follows", 0.4
"""The hint that an entity's symptoms follow from another's stated cause, and the weight that they keep."""
OUTSIDE = 0.4
"""Weight of the symptoms of an entity that no call from the alert's entity reaches."""
_BESIDE = (Family.CHANGE, Family.EXPERIENCE)
"""What leads only when it is asked for: neither is a symptom."""
LEAST = 0.5
"""Nats below which an entity is not suspected at all."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """One entity, what speaks for and against it, and how much in all."""

    name: str
    signs: tuple[Sign, ...]
    nats: float
    assessment: float = 0.0
    """Its share of belief, 0 to 1, beside the other suspects and `nothing of this`."""

    @property
    def onset(self) -> datetime | None:
        """Earliest onset among its telling signs, changes aside."""
        times = [sign.at for sign in self.signs if sign.at and sign.nats >= 1 and sign.family is not Family.CHANGE]
        return min(times, default=None)

    def holds(self, signal: Signal) -> bool:
        """Say whether it was seen to hold more of this than before."""
        return any(sign.signal is signal and sign.nats >= 1 for sign in self.signs)

    def leading(self, *families: Family) -> Sign | None:
        """Return the most telling sign of these families, or of all but changes."""
        asked = families or tuple(family for family in Family if family not in _BESIDE)
        signs = [sign for sign in self.signs if sign.family in asked and sign.nats > 0]
        return max(signs, key=lambda sign: sign.nats, default=None)


def ranked(
    signs: Iterable[Sign], seen: Seen, pointed: Mapping[str, float] = MappingProxyType({})
) -> tuple[Suspect, ...]:
    """Return the suspects, most suspected first; ties fall to the larger sum of all signs, never to the name.

    `pointed` are nats that an engineer's word adds to entities that have evidence of their own.
    """
    by_name: defaultdict[str, list[Sign]] = defaultdict(list)
    for sign in signs:
        by_name[sign.entity].append(sign)
    slow = {name for name, its in by_name.items() if any(sign.family is Family.PATH for sign in its)}
    suspects = [_weighed(name, its, name in slow, seen) for name, its in by_name.items()]
    kept = [
        replace(suspect, nats=suspect.nats + pointed.get(suspect.name, 0.0))
        for suspect in suspects
        if suspect.nats >= LEAST
    ]
    kept.sort(key=lambda each: (-round(each.nats, 9), -sum(sign.nats for sign in each.signs), -len(each.signs)))
    return _believed(kept)


def _weighed(name: str, signs: Sequence[Sign], explained: bool, seen: Seen) -> Suspect:
    if explained:
        signs = [_discounted(sign) for sign in signs]
    others = _joined(sign for sign in signs if sign.family is not Family.CHANGE)
    factor = min(1.0, max(others, 0.0) / ENOUGH)
    signs = [replace(sign, nats=sign.nats * factor) if sign.family is Family.CHANGE else sign for sign in signs]
    if seen.outside(name):  # a symptom reaches the alert along calls; what is stated of a thing's own state need not
        signs = [
            sign if sign.cause or sign.family is Family.EXPERIENCE else replace(sign, nats=sign.nats * OUTSIDE)
            for sign in signs
        ]
    if any(sign.hint == FOLLOWS for sign in signs):  # what it needs has a stated cause: its symptoms are that one's
        signs = [sign if sign.cause or sign.nats < 0 else replace(sign, nats=sign.nats * FOLLOWING) for sign in signs]
    nats = _joined(signs)
    return Suspect(name, tuple(sorted(signs, key=lambda sign: -sign.nats)), nats)


def _discounted(sign: Sign) -> Sign:
    return replace(sign, nats=sign.nats * WAITING) if sign.signal in PILES_UP and sign.hint != "leak" else sign


def _joined(signs: Iterable[Sign]) -> float:
    """Return the strongest family in full, the others at FURTHER, what speaks against at FURTHER too.

    Experience counts in full beside them: it was learned as what is to be added to all of that.
    """
    best: defaultdict[Family, float] = defaultdict(float)
    against = 0.0
    for sign in signs:
        if sign.nats > 0:
            best[sign.family] = max(best[sign.family], sign.nats)
        else:
            against += sign.nats
    learned = best.pop(Family.EXPERIENCE, 0.0)
    most = max(best.values(), default=0.0)
    return learned + most + FURTHER * (sum(best.values()) - most) + FURTHER * against


def _believed(suspects: Sequence[Suspect]) -> tuple[Suspect, ...]:
    """Return them with their share of belief: a softmax over the suspects and `nothing of this`."""
    weights = [math.exp(suspect.nats) for suspect in suspects]
    whole = sum(weights) + math.exp(NULL)
    return tuple(replace(suspect, assessment=weight / whole) for suspect, weight in zip(suspects, weights, strict=True))


def began(suspects: Iterable[Suspect], fallback: datetime) -> datetime:
    """Return when the incident began: the onset of the most suspected entity that has one."""
    return next((suspect.onset for suspect in suspects if suspect.onset), fallback)
