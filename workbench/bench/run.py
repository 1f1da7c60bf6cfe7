"""Cases -> outcomes: every case through the loop that the notebook uses, then the scorer.

results = run([Path("cases/shop")], truth=Path("answers"))
print(report.table(results))
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from memory.protocol import Episode, Memory, Raise, Recollection, Symptom
from ontology.errors import BadInput, NotFound, PersonError
from ontology.nouns import Alert, Entity
from workbench.assembly import recorded, recorded_alert
from workbench.bench import progress as kept
from workbench.bench.baselines import METHODS, baseline
from workbench.bench.dropped import without
from workbench.bench.gate import Validity, validity
from workbench.bench.score import Outcome, Results, scored
from workbench.engine import weigh
from workbench.engine.confidence import features
from workbench.engine.loop import investigate, opened
from workbench.nouns import Budget, Case, State
from workbench.ports import Reasoner
from workbench.reasoning.statistical import StatisticalReasoner
from workbench.telemetry.layouts_known import cases_in

BUDGET = Budget(questions=20, seconds=300.0)
"""Of one case. No dollars: the bench measures what costs nothing."""

Progress = Callable[[int, int, Outcome], None]
"""Told after every case: how many are done, of how many, and what came out."""


class NoMemory:
    """Remembers nothing: the bench measures reasoning, not recall of the very incidents that it scores."""

    def recall(self, alert: Alert, near: Sequence[Entity], symptoms: Sequence[Symptom] = ()) -> Sequence[Recollection]:
        """Return nothing."""
        return ()

    def raises(self, symptoms: Sequence[Symptom]) -> Sequence[Raise]:
        """Return nobody."""
        return ()

    def remember(self, episode: Episode) -> None:
        """Keep nothing."""


def run(
    case_dirs: Iterable[Path],
    *,
    reasoner: str = "statistical",
    truth: Path | None = None,
    progress: Progress | None = None,
    jobs: int = 1,
    resume: Path | None = None,
    drop: float = 0.0,
) -> Results:
    """Investigate every case, then open the answers and score.

    Args:
        case_dirs: folders of cases, or folders of such folders.
        reasoner: who thinks: `statistical`, or a method of `baselines`; none needs a key.
        truth: folder with the answers, see `score.scored`.
        progress: told after every case.
        jobs: how many cases at a time, each in a process of its own; more than one costs the honest seconds.
        resume: a file that keeps every outcome as it comes (JSON lines); cases that it holds for this reasoner
            and this code of ours are not run again.
        drop: share of the sources that cannot be looked at, see `dropped.without`.

    Raises:
        NotFound: a folder is not there, or holds no case.
        BadInput: an unknown reasoner, a broken answer.
    """
    _reasoner(reasoner)
    folders = cases(case_dirs)
    who = f"{reasoner}, {drop} of the sources dropped" if drop else reasoner
    done = kept.read(resume, who) if resume else {}
    waiting = [folder for folder in folders if folder.resolve() not in done]
    told = len(folders) - len(waiting)
    for outcome in _outcomes(waiting, reasoner, jobs, drop):
        done[outcome.folder.resolve()] = outcome
        told += 1
        if resume:
            kept.add(resume, who, outcome)
        if progress is not None:
            progress(told, len(folders), outcome)
    return scored((done[folder.resolve()] for folder in folders), truth)


def cases(case_dirs: Iterable[Path]) -> list[Path]:
    """Return the folders of cases, and the places of those in a list, each once, in the order given and then by path.

    Raises:
        NotFound: a folder is not there, or holds no case.
    """
    found: dict[Path, None] = {}
    for folder in map(Path, case_dirs):
        inside = cases_in(folder)
        if not inside:
            raise NotFound(
                f"{folder} holds no case.", next_step="Name a folder with a case.json in it, or one that holds such."
            )
        found.update(dict.fromkeys(inside))
    return list(found)


def _outcomes(folders: Sequence[Path], reasoner: str, jobs: int, drop: float) -> Iterator[Outcome]:
    """Yield the outcomes in the order of the folders."""
    if jobs <= 1:
        yield from (outcome(folder, reasoner, drop) for folder in folders)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(outcome, folders, [reasoner] * len(folders), [drop] * len(folders))


def outcome(
    folder: Path,
    reasoner: str = "statistical",
    drop: float = 0.0,
    *,
    memory: Memory | None = None,
    watched: Callable[[Case], object] | None = None,
) -> Outcome:
    """Investigate one case to its end; a crash is an outcome too, with its reason and without a ranking.

    `drop` is the share of sources that are gone; `memory` is what is remembered, nothing by default; `watched` is shown
    the ended case.
    """
    case_id, dataset, system = _named(folder)
    began = time.perf_counter()
    try:
        ended = _investigated(folder, _reasoner(reasoner), memory or NoMemory(), drop)
    except Exception as error:
        # Whatever went wrong, the case counts as failed and says why; the run goes on to the next case.
        crash = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        held = Validity(_loads(folder), why=crash)
        seconds = time.perf_counter() - began
        return Outcome(case_id, dataset, folder, (), seconds=seconds, crash=crash, system=system, validity=held)
    seconds = time.perf_counter() - began
    if watched is not None:
        watched(ended)
    return replace(_outcome(ended, case_id, dataset, folder, seconds), system=system)


def _loads(folder: Path) -> bool:
    """Say whether the case itself can be read: a crash of a reasoner on a whole case is the reasoner's."""
    try:
        opened(recorded_alert(str(folder)))
        return recorded(folder) is not None
    except PersonError:
        return False


def _investigated(folder: Path, reasoner: Reasoner, memory: Memory, drop: float) -> Case:
    case = opened(recorded_alert(str(folder)))
    place = recorded(folder)
    if drop:
        place = without(place, drop, case.id)
    for later in investigate(case, environment=place, reasoner=reasoner, memory=memory, budget=BUDGET):
        case = later
    return case


def _outcome(case: Case, case_id: str, dataset: str, folder: Path, seconds: float) -> Outcome:
    standing = [each for each in case.hypotheses if each.state is not State.RULED_OUT]
    return Outcome(
        case_id,
        dataset,
        folder,
        tuple(each.suspect.name for each in standing),
        tuple(each.failure_mode for each in standing),
        standing[0].confidence.value if standing else None,
        any(finding.surfaced for finding in case.findings),
        case.ended,
        case.spent.questions,
        seconds,
        hops=weigh.distances(case),
        dollars=case.spent.dollars,
        features=features(standing[0], case) if standing else {},
        validity=validity(case),
        causes=tuple(each.cause for each in standing),
    )


def _named(folder: Path) -> tuple[str, str, str]:
    """Return the case's id, dataset and system; a case.json that cannot be read leaves the folder's names."""
    names = folder.name, folder.parent.name, ""
    try:
        payload = json.loads((folder / "case.json").read_text(encoding="utf-8"))
        keys = ("case_id", "dataset", "system")
        return tuple(str(payload.get(key, name)) for key, name in zip(keys, names, strict=True))  # type: ignore[return-value]  # three of three
    except (OSError, ValueError, AttributeError):
        return names


REASONERS = ("statistical", *METHODS)
"""Whom the bench can run."""


def _reasoner(name: str) -> Reasoner:
    if name not in REASONERS:
        raise BadInput(f"The bench does not know a reasoner {name!r}.", next_step=f"One of: {', '.join(REASONERS)}.")
    return StatisticalReasoner() if name == "statistical" else baseline(name)
