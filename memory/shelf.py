"""Episodes in memory, with an index over their symptoms: recall looks closely only at those that share some.

A rare symptom says more than an everyday one: each weighs log((N + 1) / n), with n of N episodes that show it (inverse
document frequency, Spärck Jones 1972), so that what fires in every incident makes no two of them alike.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from memory.likeness import ALIKE, WEIGHTS, alert_name, likeness
from memory.meaning import cosines, embedded
from memory.protocol import Episode, Recollection, Symptom
from ontology.nouns import Alert, Entity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPARED = 100
"""How many episodes are compared in full: those that may be most alike."""
MOST = 20
"""How many are recalled at most."""


@dataclass(frozen=True)
class Shelf:
    """The whole episodes, latest first. Not slotted: the index is made when first asked for."""

    episodes: tuple[Episode, ...]

    def recall(self, alert: Alert, near: Sequence[Entity], symptoms: Sequence[Symptom]) -> tuple[Recollection, ...]:
        """Return the alike episodes, most alike first; never the alert's own."""
        now, found = frozenset(symptoms), []
        places = self._promising(alert, now)
        if not places:
            return ()
        texts = cosines(_text(alert), self._vectors[places])
        for place, meaning in zip(places, texts, strict=True):
            episode = self.episodes[place]
            how = likeness(alert, near, symptoms, episode, meaning, self._weigh)
            if how.value >= ALIKE:
                found.append(Recollection(episode, how.value, how.why))
        return tuple(sorted(found, key=lambda each: (-each.likeness, each.episode.closed))[:MOST])

    def _weigh(self, symptom: Symptom) -> float:
        """Return what it weighs; one that no episode shows weighs as one that a single episode shows."""
        return self._rarity.get(symptom, math.log(len(self.episodes) + 1))

    @cached_property
    def _rarity(self) -> Mapping[Symptom, float]:
        count = Counter(symptom for each in self.episodes for symptom in set(each.symptoms))
        return {symptom: math.log((len(self.episodes) + 1) / n) for symptom, n in count.items()}

    def _promising(self, alert: Alert, now: frozenset[Symptom]) -> list[int]:
        """Return the places of the episodes that can be alike at all, by what their symptoms and alert come to."""
        import numpy as np

        bound: NDArray[np.float64] = np.full(len(self.episodes), WEIGHTS["entities"] + WEIGHTS["meaning"])
        weights = {each: self._weigh(each) for each in now}
        bound += WEIGHTS["symptoms"] * self._symptoms.overlap(weights)
        shape = {(each.signal, each.direction): 1.0 for each in now}
        bound += WEIGHTS["shape"] * self._shapes.overlap(shape)
        bound[self._alerts.get(alert_name(alert), [])] += WEIGHTS["alert"]
        bound[self._own.get(alert.id, [])] = 0.0
        best = np.argsort(-bound, kind="stable")[:COMPARED]
        return [int(place) for place in best if bound[place] >= ALIKE]

    @cached_property
    def _symptoms(self) -> _Index:
        return _Index([{each: self._rarity[each] for each in episode.symptoms} for episode in self.episodes])

    @cached_property
    def _shapes(self) -> _Index:
        return _Index([{(s.signal, s.direction): 1.0 for s in episode.symptoms} for episode in self.episodes])

    @cached_property
    def _alerts(self) -> Mapping[str, list[int]]:
        return _places(alert_name(each.alert) for each in self.episodes)

    @cached_property
    def _own(self) -> Mapping[str, list[int]]:
        return _places(each.alert.id for each in self.episodes)

    @cached_property
    def _vectors(self) -> NDArray[np.float32]:
        return embedded([_text(each.alert) for each in self.episodes])


class _Index:
    """Which sets hold what, for the weighted Jaccard index of one set with all of them."""

    def __init__(self, sets: Sequence[Mapping[Any, float]]) -> None:
        import numpy as np

        holders: defaultdict[Any, list[int]] = defaultdict(list)
        for place, weights in enumerate(sets):
            for each in weights:
                holders[each].append(place)
        self._holders = {each: np.array(places) for each, places in holders.items()}
        self._whole = np.array([sum(weights.values()) for weights in sets])

    def overlap(self, now: Mapping[Any, float]) -> NDArray[np.float64]:
        """Return the weight in common, over the weight in either; 0 where there is none."""
        import numpy as np

        common = np.zeros(len(self._whole))
        for each, weight in now.items():
            if each in self._holders:
                common[self._holders[each]] += weight
        either = self._whole + sum(now.values()) - common
        return np.divide(common, either, out=np.zeros_like(common), where=either > 0)


def _places(keys: Iterable[str]) -> Mapping[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        found[key].append(place)
    return found


def _text(alert: Alert) -> str:
    return f"{alert.title}. {alert.summary}"
