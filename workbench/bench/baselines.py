"""Published and naive methods behind the reasoner's seam, so that they run through the same harness as ours.

    run([Path("cases/petshop")], reasoner="baro")

Each sees the metrics before and since the alert's window began, one column a series, and (traversal, causal graph) who
calls whom. They say no more than a ranking: no failure mode, no evidence, so the engine never surfaces what they say.

Sources: BARO (Pham, Ha and Zhang, FSE 2024, PyPI `fse-baro`, its own code); n-sigma as there; two-sided z-score;
traversal of anomalous callees (Chen et al., INFOCOM 2014; as compared by PetShop, Hardt et al., CLeaR 2024); the PC
algorithm (Spirtes and Glymour 1991, PyPI `causal-learn`) with a random walk to the likely causes (as in CloudRanger,
Wang et al., CCGRID 2018); random.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import networkx
import numpy as np
import pandas as pd

from ontology import iris
from ontology.errors import BadInput
from ontology.nouns import Entity
from ontology.terms import CALLS, Kind
from workbench.nouns import Budget, Case, Hypothesis, Modality
from workbench.ports import Thought
from workbench.reasoning.statistical.asking import next_questions

ANOMALOUS = 3.0
"""Deviations from which the traversal calls an entity anomalous."""
WIDEST = 40
"""Entities that the PC algorithm is given, the most deviant first: its cost grows with the power of them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a baseline may look at."""

    before: pd.DataFrame
    """One row a time, one column an (entity, metric); gaps filled from their neighbours."""
    since: pd.DataFrame
    """The same columns from the start of the alert's window on."""
    calls: tuple[tuple[str, str], ...]
    """Caller and callee."""
    target: str
    """The entity that the alert names; empty where it names none."""
    complaint: str
    """The metric that the alert names; empty where it names none."""
    case_id: str


Method = Callable[[Seen], Mapping[str, float]]
"""A score by entity: the higher, the more suspect."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A method as a reasoner: it asks for the metrics once, and ranks."""

    name: str
    method: Method

    def think(self, case: Case, left: Budget) -> Thought:
        """Return the ranking of the metrics, asked for first."""
        taken = [each for each in case.observations if each.question.modality is Modality.METRICS]
        if not taken:
            wanted = [each for each in next_questions(case) if each.modality is Modality.METRICS]
            return Thought(questions=tuple(wanted[: max(left.questions, 0)]))
        scene = seen(case)
        if scene is None:
            return Thought(note="No metrics answered.")
        scores = self.method(scene)
        ranked = sorted(scores, key=lambda entity: (-scores[entity], zlib.crc32(entity.encode())))
        return Thought(tuple(_hypothesis(case, entity, n, self.name) for n, entity in enumerate(ranked)))


def seen(case: Case) -> Seen | None:
    """Return what was observed as wide tables; None where no metric answered on both sides."""
    tables = [each.table for each in case.observations if each.question.modality is Modality.METRICS]
    rows = [table for table in tables if table is not None and len(table)]
    if not rows:
        return None
    wide = pd.concat(rows).pivot_table(index="time", columns=["entity", "metric"], values="value", aggfunc="median")
    since = wide[wide.index >= case.alert.window.start].dropna(axis=1, how="all").ffill().bfill()
    before = wide[wide.index < case.alert.window.start].dropna(axis=1, how="all").ffill().bfill()
    both = before.columns.intersection(since.columns)
    if not len(both):
        return None
    labels, names = case.alert.labels, {str(each.iri): each.name for each in case.scope}
    calls = tuple(
        (names[str(fact.subject)], names[str(fact.object)])
        for fact in case.topology
        if fact.predicate == CALLS and str(fact.subject) in names and str(fact.object) in names
    )
    return Seen(before[both], since[both], calls, labels.get("service", ""), labels.get("metric", ""), case.id)


def _hypothesis(case: Case, name: str, place: int, by: str) -> Hypothesis:
    known = next((each for each in case.scope if each.name == name), None)
    entity = known or Entity(iris.service(name, case.alert.labels.get("environment", "default")), Kind.SERVICE, name)
    return Hypothesis(
        f"{name} is at place {place + 1}", entity, "unknown", assessment=1.0 / (place + 2), proposed_by=by
    )


def largest(scores: pd.Series[float]) -> dict[str, float]:
    """Return each entity's largest score of all its metrics."""
    return {str(name): float(value) for name, value in scores.groupby(level="entity").max().dropna().items()}


def n_sigma(scene: Seen) -> Mapping[str, float]:
    """Return the largest z-score upwards, mean and standard deviation of the time before."""
    spread = scene.before.std(ddof=0).replace(0.0, 1.0)
    return largest(((scene.since - scene.before.mean()) / spread).max())


def two_sided(scene: Seen) -> Mapping[str, float]:
    """Return the largest z-score either way."""
    spread = scene.before.std(ddof=0).replace(0.0, 1.0)
    return largest(((scene.since - scene.before.mean()) / spread).abs().max())


def baro(scene: Seen) -> Mapping[str, float]:
    """Return BARO's ranking by its own package (RobustScorer), as 1 / place of the entity's first metric."""
    from baro.root_cause_analysis import robust_scorer

    columns = [f"c{n}" for n in range(scene.before.shape[1])]  # its rules go by column names: none of ours must match
    joined = pd.concat([scene.before, scene.since], ignore_index=True)
    joined.columns = pd.Index(columns)
    joined.insert(0, "time", np.arange(len(joined)))
    ranks = robust_scorer(joined, inject_time=len(scene.before))["ranks"]
    entities = dict(zip(columns, scene.before.columns.get_level_values("entity"), strict=True))
    found: dict[str, float] = {}
    for place, column in enumerate(ranks):
        found.setdefault(str(entities[column]), 1.0 / (place + 1))
    return found


def by_chance(scene: Seen) -> Mapping[str, float]:
    """Return a random order, the same for the same case."""
    dice = random.Random(scene.case_id)  # noqa: S311  # not a secret
    return {str(name): dice.random() for name in dict.fromkeys(scene.before.columns.get_level_values("entity"))}


def traversal(scene: Seen) -> Mapping[str, float]:
    """Return anomalous entities without an anomalous callee first, then the rest, each by its deviation.

    Where the alert names a metric, that metric alone is looked at in all, as PetShop's own comparison does.
    """
    deviation = {**dict.fromkeys(two_sided(scene), 0.0), **two_sided(_complained(scene))}
    odd = {name for name, value in deviation.items() if value >= ANOMALOUS}
    calls = networkx.DiGraph(scene.calls)
    reach = networkx.descendants(calls, scene.target) | {scene.target} if scene.target in calls else set(deviation)
    best = max(deviation.values(), default=0.0) + 1.0
    ends = {name for name in odd & reach if not (set(calls.successors(name)) if name in calls else set()) & odd}
    return {name: value + best * ((name in ends) + (name in reach)) for name, value in deviation.items()}


def _complained(scene: Seen) -> Seen:
    """Return the scene of the metric that the alert names; the whole where it names none, or none that is here."""
    names = scene.before.columns.get_level_values("metric").str.lower()
    wanted = names.str.startswith(scene.complaint.lower()) if scene.complaint else names == ""
    if not wanted.any():
        return scene
    return replace(scene, before=scene.before.loc[:, wanted], since=scene.since.loc[:, wanted])


def causal_graph(scene: Seen) -> Mapping[str, float]:
    """Return the stationary weights of a walk from effect to cause over the graph that PC finds."""
    from causallearn.search.ConstraintBased.PC import pc

    deviation = dict(two_sided(scene))
    names = sorted(deviation, key=lambda name: -deviation[name])[:WIDEST]
    together = pd.concat([scene.before, scene.since])
    scores = ((scene.since - scene.before.mean()) / scene.before.std(ddof=0).replace(0.0, 1.0)).abs().max()
    metric = {name: scores[name].idxmax() for name in names}  # one series an entity: its most deviant
    data = pd.DataFrame({name: together[(name, metric[name])] for name in names})
    data = data.loc[:, data.std() > 0]
    data = data.loc[:, ~data.T.duplicated()]
    if data.shape[1] < 2 or len(data) < data.shape[1] // 4 + 4:
        return deviation
    tiny = np.random.default_rng(1).normal(0.0, 1e-6, data.shape)  # two equal columns make its test singular
    standard = ((data - data.mean()) / data.std()).to_numpy() + tiny
    ends = pc(standard, show_progress=False).G.graph
    walk = networkx.DiGraph()
    walk.add_nodes_from(data.columns)
    for effect, cause in zip(*np.nonzero(ends), strict=True):
        if ends[effect, cause] == 1 or ends[cause, effect] == -1:  # cause -> effect, or undirected
            walk.add_edge(data.columns[effect], data.columns[cause])
    weights = networkx.pagerank(walk, personalization={name: deviation[name] + 1e-9 for name in data.columns})
    least = min(weights.values())
    return {name: weights.get(name, least * deviation[name] / (1 + max(deviation.values()))) for name in deviation}


METHODS: Mapping[str, Method] = {
    "baro": baro,
    "n-sigma": n_sigma,
    "two-sided-z": two_sided,
    "traversal": traversal,
    "pc-walk": causal_graph,
    "random": by_chance,
}
"""By the name that `--reasoner` takes."""


def baseline(name: str) -> Baseline:
    """Return the baseline of that name.

    Raises:
        BadInput: there is none.
    """
    if name not in METHODS:
        raise BadInput(f"There is no method {name!r}.", next_step=f"Choose one of: {', '.join(METHODS)}.")
    return Baseline(name, METHODS[name])
