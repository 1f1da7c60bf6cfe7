"""Pure: what closed incidents teach about whom to suspect, as nats that raise a suspect and never decide.

    taught = learned(episodes)
    taught.raises(symptoms)         # Raise("cart-0", 1.4, "in 120 closed incidents ..."), ...

A conditional logit (McFadden 1974): among the entities of an incident the cause is the one with the largest sum of
what the reasoner believed and of what its symptoms weigh. Only the weights are learned, beside the reasoner's own
belief, with a ridge penalty that holds them at nought: where nothing was learned, nothing changes. It has two parts.
`What shows on it` looks at no names, so that it holds for a cause that was never seen. `Who it is` looks at names, may
only raise, by NAMED nats for each e-fold of incidents that this entity caused, and so breaks ties between alike
suspects. The fit is convex and takes the episodes in the order of their ids: the same episodes give the same numbers,
whatever was remembered and forgotten in between.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memory.protocol import Episode, Raise, Symptom, Verdict

MOST = 5.0
"""Nats that all of experience may add to a suspect: no more than one strong sign of the incident itself."""
NAMED, MOST_NAMED = 0.25, 1.5
"""Nats of these that may rest on a name: for each e-fold of incidents that it caused, and in all."""
QUIET = 0.5
"""Nats taken off every raise: small ones are chance, and do more harm than good where the cause is a new one."""
LEAST = 0.05
"""Nats that are not worth telling."""
RIDGE = 2.0
"""Precision of the prior on each weight, around nought."""
LATEST = 1000
"""How many closed incidents are learned from, the latest: the fit takes seconds, not minutes."""
UNBELIEVED = -3.0
"""Nats, beside the least believed suspect, of an entity that nobody suspected."""
_CALL = re.compile(r"trace (?P<signal>\S+)(?: from (?P<caller>\S+))?")
_NUMBER = re.compile(r"[-_]?\d+$")
_WEIGHT = {"name": 0.5, "named": 0.5, "among": 0.2, "family": 0.5}
"""Scale of what looks at names: the smaller, the more episodes it takes to say something."""


def roles(symptoms: Iterable[Symptom]) -> dict[str, Counter[str]]:
    """Return what shows on each entity, counted, without naming any: a call that fails shows on both of its ends.

    >>> roles([Symptom("cart", "/add", "trace 500 from front")])["front"]
    Counter({'calls 500': 1})
    """
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in symptoms:
        call = _CALL.match(each.direction)
        caller = call["caller"] if call else None
        if call is None:
            found[each.entity][f"{each.signal} {_said(each)}"] = 1
            found[each.entity][f"any {_said(each)}"] += 1
        elif caller in (None, each.entity):
            found[each.entity][f"itself {call['signal']}"] += 1
        else:
            found[each.entity][f"called {call['signal']}"] += 1
            found[str(caller)][f"calls {call['signal']}"] += 1
    return dict(found)


def _said(symptom: Symptom) -> str:
    """Return how it moved, without where it ran."""
    return symptom.direction.partition(" on ")[0]


def _features(shown: Mapping[str, Counter[str]], named: bool) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each entity with its features: what shows on it, its share of that, how it differs from its replicas.

    With `named` the same by name, and what shows anywhere by name.
    """
    whole: Counter[str] = Counter()
    for counted in shown.values():
        whole.update(counted)
    replicas: defaultdict[str, list[str]] = defaultdict(list)
    for entity in shown:
        replicas[_NUMBER.sub("", entity)].append(entity)
    for entity in shown:
        family = _NUMBER.sub("", entity)
        apart = _apart(entity, [shown[each] for each in replicas[family] if each != entity], shown)
        own = {name: math.log1p(count) for name, count in shown[entity].items()}
        features = {f"own {name}": value for name, value in own.items()}
        features |= {f"share {name}": count / whole[name] for name, count in shown[entity].items()}
        features |= {f"apart {name}": value for name, value in apart.items()}
        if named:
            features[f"{entity}:"] = _WEIGHT["name"]
            features |= {f"{entity}: {name}": _WEIGHT["named"] * value for name, value in own.items()}
            features |= {f"{family}* {name}": _WEIGHT["family"] * value for name, value in apart.items()}
            features |= {f"{entity}< {n}": _WEIGHT["among"] * min(1.0, math.log1p(c)) for n, c in whole.items()}
        yield entity, features


def _apart(entity: str, others: Sequence[Counter[str]], shown: Mapping[str, Counter[str]]) -> dict[str, float]:
    """Return how far each count lies above the mean of the replicas, in logs; nothing where there are none."""
    if not others:
        return {}
    names = set(shown[entity]).union(*others)
    mean = {name: sum(math.log1p(other[name]) for other in others) / len(others) for name in names}
    return {name: math.log1p(shown[entity][name]) - mean[name] for name in sorted(names)}


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What was learned: a weight in nats a unit for each feature, without names and with them."""

    weights: Mapping[str, float]
    named: Mapping[str, float]
    causes: Mapping[str, int]
    """How many of the incidents each entity caused."""

    @property
    def episodes(self) -> int:
        """How many incidents were learned from."""
        return sum(self.causes.values())

    def raises(self, symptoms: Sequence[Symptom]) -> tuple[Raise, ...]:
        """Return by how much each entity is raised above the middle one, most first; nobody is lowered."""
        shown = roles(symptoms)
        if not self.episodes or not shown:
            return ()
        bare = dict(_features(shown, named=False))
        nats = _above(_sums(bare, self.weights))
        known = _above(_sums(dict(_features(shown, named=True)), self.named))
        found = []
        for entity in shown:
            bound = min(MOST_NAMED, NAMED * math.log1p(self.causes.get(entity, 0)))
            more = max(0.0, min(bound, known[entity] - nats[entity]))
            value = min(MOST, nats[entity] + more - QUIET)
            if value >= LEAST:
                found.append(Raise(entity, round(value, 4), self._why(bare[entity], more)))
        return tuple(sorted(found, key=lambda each: (-each.nats, each.entity)))

    def _why(self, features: Mapping[str, float], more: float) -> str:
        parts: defaultdict[str, float] = defaultdict(float)
        for name, value in features.items():
            parts[name.partition(" ")[2]] += self.weights.get(name, 0.0) * value
        best = [name for name in sorted(parts, key=lambda each: (-parts[each], each))[:2] if parts[name] > 0]
        shows = ", ".join(f"{name} ({parts[name]:+.1f})" for name in best)
        known = f"; who it is {more:+.1f}" if abs(more) >= LEAST else ""
        return (
            f"in {self.episodes} closed incidents the cause looked like this: {shows or 'nothing in particular'}{known}"
        )


NOTHING = Hindsight({}, {}, {})


def learned(episodes: Iterable[Episode]) -> Hindsight:
    """Return what the confirmed episodes that kept their symptoms teach; the same set, the same numbers."""
    latest = sorted((each for each in episodes if _teaches(each)), key=lambda each: (each.closed, each.id))[-LATEST:]
    taught = sorted(latest, key=lambda each: each.id)
    if not taught:
        return NOTHING
    causes = Counter(each.cause.name for each in taught if each.cause)
    return Hindsight(_fitted(taught, named=False), _fitted(taught, named=True), causes)


def _teaches(episode: Episode) -> bool:
    cause = episode.cause
    return episode.verdict is Verdict.CONFIRMED and cause is not None and cause.name in roles(episode.symptoms)


def _sums(features: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]) -> dict[str, float]:
    return {
        entity: sum(weights.get(name, 0.0) * value for name, value in its.items()) for entity, its in features.items()
    }


def _above(sums: Mapping[str, float]) -> dict[str, float]:
    ordered = sorted(sums.values())
    half = len(ordered) // 2
    middle = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return {entity: value - middle for entity, value in sums.items()}


def _fitted(episodes: Sequence[Episode], *, named: bool) -> dict[str, float]:
    """Return the weights that make the causes most likely, ridge included."""
    import numpy as np  # late: half a second that a list of episodes need not pay
    from scipy.optimize import minimize
    from scipy.sparse import csr_matrix

    columns: dict[str, int] = {}
    data: list[float] = []
    at, ends, belief, group, right = [], [0], [], [], []
    for number, episode in enumerate(episodes):
        believed = dict(episode.believed)
        floor = min(believed.values(), default=0.0) + UNBELIEVED
        for entity, features in _features(roles(episode.symptoms), named):
            data += features.values()
            at += [columns.setdefault(name, len(columns)) for name in features]
            ends.append(len(data))
            belief.append(believed.get(entity, floor))
            group.append(number)
            right.append(episode.cause is not None and entity == episode.cause.name)
    rows = csr_matrix((data, at, ends), shape=(len(ends) - 1, len(columns)))
    of, was, start = np.array(group), np.array(right), np.array(belief)
    wanted = np.asarray(rows[was].sum(axis=0)).ravel()

    def loss(weights: Any) -> tuple[float, Any]:
        nats = rows @ weights + start
        top = np.full(len(episodes), -np.inf)
        np.maximum.at(top, of, nats)
        odds = np.exp(nats - top[of])
        whole = np.bincount(of, odds)
        missed = float((np.log(whole) + top).sum() - nats[was].sum())
        return missed + RIDGE / 2 * float(weights @ weights), rows.T @ (odds / whole[of]) - wanted + RIDGE * weights

    fit = minimize(loss, np.zeros(len(columns)), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return {name: float(fit.x[place]) for name, place in columns.items()}
