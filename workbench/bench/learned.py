"""What memory adds: cases with known answers as closed episodes, then other cases with and without them.

before, after = with_and_without([cases], memory_from=[cases], apart="pair")

A case never learns from itself: where a case stands on both sides, both sides are cut into folds, and it is judged by
the episodes of the other folds. `apart` says what no two folds share: a `case`, or a `pair` of root cause and fault,
which asks whether what was learned hurts where it does not apply. A data set is an estate of its own: nothing is
learned across them. The answers come from the scorer, and only those of the cases that are learned from.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from memory.episodes import EpisodeStore
from memory.protocol import Episode, Memory, Verdict
from ontology import iris
from ontology.nouns import Entity
from workbench.bench.run import cases, outcome
from workbench.bench.score import Outcome, Results, Score, scored
from workbench.engine.close import closed
from workbench.nouns import Case

FOLDS = 5
APART = ("case", "pair")
Progress = Callable[[int, int], None]
"""Told after every investigation: how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A case investigated without memory: what was said of it, and its episode as far as no answer is needed."""

    outcome: Outcome
    episode: Episode | None


def with_and_without(
    case_dirs: Iterable[Path],
    memory_from: Iterable[Path],
    *,
    apart: str = "case",
    truth: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Results, Results]:
    """Return the scores of the cases without memory, and with what the others teach.

    Args:
        case_dirs: folders of the cases to judge.
        memory_from: folders of the cases to learn from, with answers; they may be the same.
        apart: what a case and those that it learns from never share: `case`, or `pair` (root cause and fault).
        truth: folder with the answers, see `score.scored`.
        progress: told after every investigation.

    Raises:
        NotFound: a folder is not there, or holds no case.
        BadInput: a broken answer.
    """
    judged, taught = (cases(each) for each in (case_dirs, memory_from))
    union = list(dict.fromkeys([*judged, *taught]))
    whole, told = len(union) + len(judged), 0
    done: dict[Path, _Done] = {}
    for folder in union:
        done[folder] = _alone(folder)
        told += 1
        if progress:
            progress(told, whole)
    answers = {score.outcome.folder: score for score in scored((each.outcome for each in done.values()), truth).scores}
    lessons = {folder: _lesson(done[folder], answers[folder]) for folder in taught}
    folds = _folds(answers, apart, cut=apart == "pair" or bool(set(judged) & set(taught)))
    after = []
    for folder, memory in _taught(judged, lessons, folds, answers):
        after.append(outcome(folder, memory=memory))
        told += 1
        if progress:
            progress(told, whole)
    order = {folder: place for place, folder in enumerate(judged)}
    after.sort(key=lambda each: order[each.folder])
    return Results(tuple(answers[folder] for folder in judged)), scored(after, truth)


def _alone(folder: Path) -> _Done:
    kept: list[Case] = []
    said = outcome(folder, watched=kept.append)
    return _Done(said, closed(kept[-1], Verdict.UNRESOLVED, datetime.now(UTC)) if kept else None)


def _lesson(done: _Done, score: Score) -> Episode | None:
    """Return the episode with its answer; None where there is no answer, or nothing was at fault."""
    if done.episode is None or not score.scored or not score.root_cause:
        return None
    known = (each for each in done.episode.entities if each.name == score.root_cause)
    minted = Entity(iris.thing("service", done.outcome.dataset, score.root_cause), "Service", score.root_cause)
    mode = score.failure_mode or "unknown"
    return replace(done.episode, cause=next(known, minted), failure_mode=mode, verdict=Verdict.CONFIRMED)


def _folds(answers: Mapping[Path, Score], apart: str, *, cut: bool) -> dict[Path, int]:
    """Return the fold of each case: by the hash of what is kept apart, so that it does not depend on the order."""
    if not cut:
        return dict.fromkeys(answers, -1)
    keys = {
        folder: f"{score.root_cause}/{score.family}" if apart == "pair" else score.outcome.case_id
        for folder, score in answers.items()
    }
    return {folder: int(hashlib.sha256(key.encode()).hexdigest(), 16) % FOLDS for folder, key in keys.items()}


def _taught(
    judged: Sequence[Path],
    lessons: Mapping[Path, Episode | None],
    folds: Mapping[Path, int],
    answers: Mapping[Path, Score],
) -> Iterable[tuple[Path, Memory]]:
    """Yield each case with the memory of its own data set's other folds; each memory is filled once."""
    groups: defaultdict[tuple[str, int], list[Path]] = defaultdict(list)
    for folder in judged:
        groups[answers[folder].outcome.dataset, folds[folder]].append(folder)
    for (dataset, fold), folders in groups.items():
        with tempfile.TemporaryDirectory(prefix="workbench-memory-") as place:
            store = EpisodeStore(Path(place))
            for other, episode in lessons.items():
                if episode and answers[other].outcome.dataset == dataset and (fold < 0 or folds[other] != fold):
                    store.remember(episode)
            for folder in folders:
                yield folder, store
