"""How much the ranking depends on what was set by hand: random weights, blanked cells, renamed services, ablation.

    nice python benchmarks/robustness.py CASES... [--draws 200] [--ablation] [--blank] [--names]

CASES are folders of recorded cases, or folders of such. Every case is asked once; weights scale the signs of each
witness of the catalogue by a factor drawn between one half and two (log-uniform), and the suspects are ranked anew.
Without a switch all is measured.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.assembly import recorded, recorded_alert
from workbench.bench.run import NoMemory, cases
from workbench.bench.score import Outcome, accuracy, scored
from workbench.engine.loop import investigate, opened
from workbench.nouns import Answered, Budget, Case, Modality, Observation
from workbench.reasoning.statistical import StatisticalReasoner
from workbench.reasoning.statistical.catalogue import WITNESSES, testimony
from workbench.reasoning.statistical.reasoner import ranked_by
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Sign

Heard = tuple[Seen, tuple[Sign, ...]]
BUDGET = Budget(questions=20, seconds=300.0)
BLANKED = 0.3
SPREAD = 2.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A case with everything that its sources answered."""

    folder: Path
    dataset: str
    case: Case


def main() -> None:
    """Print what was asked for, for each dataset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--draws", type=int, default=200)
    for name in ("weights", "ablation", "blank", "names"):
        parser.add_argument(f"--{name}", action="store_true")
    given = parser.parse_args()
    every = not (given.weights or given.ablation or given.blank or given.names)
    measures: list[tuple[bool, Callable[[Sequence[Asked]], Iterable[str]]]] = [
        (given.ablation, ablation),
        (given.weights, lambda asked: weights(asked, given.draws)),
        (given.blank, blanked),
        (given.names, renamed),
    ]
    asked = [ask(folder) for folder in cases(given.cases)]
    for dataset in sorted({each.dataset for each in asked}):
        its = [each for each in asked if each.dataset == dataset]
        print(f"{dataset}: {len(its)} cases, AC@1 {right(its, StatisticalReasoner()):.3f}")  # noqa: T201  # a benchmark speaks to its reader
        for wanted, measure in measures:
            if wanted or every:
                print("\n".join(f"  {line}" for line in measure(its)), flush=True)  # noqa: T201  # a benchmark speaks to its reader


def ask(folder: Path) -> Asked:
    """Return the case as it is once all sources have answered."""
    case = opened(recorded_alert(str(folder)))
    environment, reasoner = recorded(folder), StatisticalReasoner()
    for later in investigate(case, environment=environment, reasoner=reasoner, memory=NoMemory(), budget=BUDGET):
        case = later
    payload = pd.read_json(folder / "case.json", typ="series")
    return Asked(folder, str(payload.get("dataset", folder.parent.name)), replace(case, hypotheses=(), findings=()))


def ranking(case: Case, reasoner: StatisticalReasoner) -> tuple[str, ...]:
    """Return the suspects' names, most suspected first."""
    return tuple(each.suspect.name for each in reasoner.think(case, Budget(questions=0)).hypotheses)


def hear(asked: Asked) -> tuple[Seen, tuple[Sign, ...]]:
    """Return what is seen of a case, and all signs but those of changes, which depend on who leads."""
    seen = StatisticalReasoner().look(asked.case)
    return seen, tuple(testimony(seen, {}))


def reweighted(asked: Sequence[Asked], heard: Sequence[Heard], weights: Mapping[str, float]) -> float:
    """Return AC@1 with the signs of each witness scaled."""
    outcomes = []
    for each, (seen, signs) in zip(asked, heard, strict=True):
        scaled = [replace(sign, nats=sign.nats * weights.get(sign.by, 1.0)) for sign in signs]
        suspects = ranked_by(seen, [sign for sign in scaled if sign.nats != 0], weights)
        outcomes.append(
            Outcome(each.folder.name, each.dataset, each.folder, tuple(suspect.name for suspect in suspects))
        )
    return _first(outcomes)


def _first(outcomes: Sequence[Outcome]) -> float:
    ranks = [score.rank for score in scored(outcomes).scores if score.root_cause is not None]
    return accuracy(ranks, 1) or 0.0


def right(asked: Iterable[Asked], reasoner: StatisticalReasoner, cases: Iterable[Case] | None = None) -> float:
    """Return AC@1. The answers are opened by the scorer, after the rankings are made."""
    pairs = list(zip(asked, cases, strict=True)) if cases is not None else [(each, each.case) for each in asked]
    outcomes = [Outcome(each.folder.name, each.dataset, each.folder, ranking(case, reasoner)) for each, case in pairs]
    return _first(outcomes)


def ablation(asked: Sequence[Asked]) -> Iterator[str]:
    """Yield AC@1 without each witness in turn, and with it alone."""
    heard = [hear(each) for each in asked]
    for witness in WITNESSES:
        others = {each.name: 0.0 for each in WITNESSES if each is not witness}
        without, alone = reweighted(asked, heard, {witness.name: 0.0}), reweighted(asked, heard, others)
        yield f"| {witness.name} | {without:.2f} | {alone:.2f} |"


def weights(asked: Sequence[Asked], draws: int, seed: int = 7) -> Iterator[str]:
    """Yield what is lost, in points of AC@1, under random weights."""
    dice, heard = np.random.default_rng(seed), [hear(each) for each in asked]
    usual = reweighted(asked, heard, {})
    lost = []
    for _ in range(draws):
        drawn = {each.name: float(SPREAD ** dice.uniform(-1, 1)) for each in WITNESSES}
        lost.append(usual - reweighted(asked, heard, drawn))
    yield f"weights x0.5 to x2, {draws} draws: loses {100 * np.mean(lost):.1f} points, at worst {100 * max(lost):.1f}"


def blanked(asked: Sequence[Asked], seed: int = 7) -> Iterator[str]:
    """Yield what is lost where 30 % of the metric samples since the alert's window began are missing."""
    usual = right(asked, StatisticalReasoner())
    lost = []
    for draw in range(3):
        dice = np.random.default_rng(seed + draw)
        lost.append(usual - right(asked, StatisticalReasoner(), [_blank(each.case, dice) for each in asked]))
    mean, worst = 100 * np.mean(lost), 100 * max(lost)
    yield f"30 % of incident cells blank, 3 draws: loses {mean:.1f} points, at worst {worst:.1f}"


def _blank(case: Case, dice: np.random.Generator) -> Case:
    def holed(each: Observation) -> Observation:
        if each.question.modality is not Modality.METRICS or not isinstance(each.reply, Answered):
            return each
        table = each.reply.table
        gone = (table["time"] >= case.alert.window.start).to_numpy() & (dice.random(len(table)) < BLANKED)
        return replace(each, reply=replace(each.reply, table=table[~gone].reset_index(drop=True)))

    return replace(case, observations=tuple(holed(each) for each in case.observations))


def renamed(asked: Sequence[Asked], seed: int = 7) -> Iterator[str]:
    """Yield how many cases rank differently where every service has a random word for a name."""
    other = [each.case.id for each in asked if not _alike(each.case, seed)]
    yield f"services renamed: {len(asked) - len(other)} of {len(asked)} rank the same; not {', '.join(other) or 'one'}"


def _alike(case: Case, seed: int) -> bool:
    names = sorted({each.name for each in case.scope} | _named(case))
    dice = np.random.default_rng(seed)
    words = {name: "".join(dice.choice(list("bcdfghjklmnpqrstvwxz"), 12)) for name in names}
    before, after = (ranking(each, StatisticalReasoner()) for each in (case, rename(case, words)))
    return [words[name] for name in before] == list(after)


def _named(case: Case) -> set[str]:
    columns = {Modality.TRACES: "service"}
    return {
        str(name)
        for each in case.observations
        if each.table is not None
        for name in each.table[columns.get(each.question.modality, "entity")].unique()
    }


def rename(case: Case, words: Mapping[str, str]) -> Case:
    """Return the case with every service under another name: in scope, topology labels, tables and the alert."""
    scope = tuple(replace(each, name=words.get(each.name, each.name)) for each in case.scope)
    labels = {key: words.get(value, value) for key, value in case.alert.labels.items()}
    observations = tuple(_renamed(each, words) for each in case.observations)
    return replace(case, scope=scope, alert=replace(case.alert, labels=labels), observations=observations)


def _renamed(each: Observation, words: Mapping[str, str]) -> Observation:
    if not isinstance(each.reply, Answered):
        return each
    table = each.reply.table.copy()
    for column in {"entity", "service"} & set(table.columns):
        table[column] = table[column].map(lambda name: words.get(name, name))
    if "message" in table.columns:  # a caller's line names whom it called
        longest = sorted(words, key=len, reverse=True)
        names = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, longest))})(?![\w-])")
        lines = {line: names.sub(lambda found: words[found[0]], str(line)) for line in table["message"].unique()}
        table["message"] = table["message"].map(lines)
    if "metric" in table.columns:  # an edge's metric names its caller
        table["metric"] = table["metric"].map({name: _edge(name, words) for name in table["metric"].unique()})
    return replace(each, reply=replace(each.reply, table=table))


def _edge(metric: str, words: Mapping[str, str]) -> str:
    stem, edge, caller = metric.rpartition("_from_")
    return f"{stem}_from_{words.get(caller, caller)}" if edge else metric


if __name__ == "__main__":
    main()
