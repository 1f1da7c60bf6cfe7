"""Cases -> outcomes: every case through the loop that the notebook uses, then the scorer.

results = run([Path("cases/shop")], truth=Path("answers"))
print(report.table(results))
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from memory.protocol import Episode, Recollection, Symptom
from ontology.errors import BadInput, NotFound
from ontology.nouns import Alert, Entity
from workbench.assembly import recorded, recorded_alert
from workbench.bench.score import Outcome, Results, scored
from workbench.engine.loop import investigate, opened
from workbench.nouns import Budget, Case, State
from workbench.ports import Reasoner
from workbench.reasoning.statistical import StatisticalReasoner

BUDGET = Budget(questions=20, seconds=300.0)
"""Of one case. No dollars: the bench measures what costs nothing."""

Progress = Callable[[int, int, Outcome], None]
"""Told after every case: how many are done, of how many, and what came out."""


class NoMemory:
    """Remembers nothing: the bench measures reasoning, not recall of the very incidents that it scores."""

    def recall(self, alert: Alert, near: Sequence[Entity], symptoms: Sequence[Symptom] = ()) -> Sequence[Recollection]:
        """Return nothing."""
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
) -> Results:
    """Investigate every case, then open the answers and score.

    Args:
        case_dirs: folders of cases, or folders of such folders.
        reasoner: who thinks; `statistical` needs no key.
        truth: folder with the answers, see `score.scored`.
        progress: told after every case.
        jobs: how many cases at a time, each in a process of its own; more than one costs the honest seconds.

    Raises:
        NotFound: a folder is not there, or holds no case.
        BadInput: an unknown reasoner, a broken answer.
    """
    _reasoner(reasoner)
    folders = cases(case_dirs)
    outcomes = []
    for outcome in _outcomes(folders, reasoner, jobs):
        outcomes.append(outcome)
        if progress is not None:
            progress(len(outcomes), len(folders), outcome)
    return scored(outcomes, truth)


def cases(case_dirs: Iterable[Path]) -> list[Path]:
    """Return the folders that hold a `case.json`, each once, in the order given and then by path.

    Raises:
        NotFound: a folder is not there, or holds no case.
    """
    found: dict[Path, None] = {}
    for folder in map(Path, case_dirs):
        inside = [folder] if (folder / "case.json").is_file() else sorted(p.parent for p in folder.rglob("case.json"))
        if not inside:
            raise NotFound(
                f"{folder} holds no case.", next_step="Name a folder with a case.json in it, or one that holds such."
            )
        found.update(dict.fromkeys(inside))
    return list(found)


def _outcomes(folders: Sequence[Path], reasoner: str, jobs: int) -> Iterator[Outcome]:
    """Yield the outcomes in the order of the folders."""
    if jobs <= 1:
        yield from (outcome(folder, reasoner) for folder in folders)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(outcome, folders, [reasoner] * len(folders))


def outcome(folder: Path, reasoner: str = "statistical") -> Outcome:
    """Investigate one case to its end; a crash is an outcome too, with its reason and without a ranking."""
    case_id, dataset = _named(folder)
    began = time.perf_counter()
    try:
        ended = _investigated(folder, _reasoner(reasoner))
    except Exception as error:
        # Whatever went wrong, the case counts as failed and says why; the run goes on to the next case.
        crash = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        return Outcome(case_id, dataset, folder, (), seconds=time.perf_counter() - began, crash=crash)
    return _outcome(ended, case_id, dataset, folder, time.perf_counter() - began)


def _investigated(folder: Path, reasoner: Reasoner) -> Case:
    case = opened(recorded_alert(str(folder)))
    for later in investigate(case, environment=recorded(folder), reasoner=reasoner, memory=NoMemory(), budget=BUDGET):
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
    )


def _named(folder: Path) -> tuple[str, str]:
    """Return the case's id and dataset; a case.json that cannot be read leaves the folder's names."""
    try:
        payload = json.loads((folder / "case.json").read_text(encoding="utf-8"))
        return str(payload.get("case_id", folder.name)), str(payload.get("dataset", folder.parent.name))
    except (OSError, ValueError, AttributeError):
        return folder.name, folder.parent.name


def _reasoner(name: str) -> Reasoner:
    if name != "statistical":
        raise BadInput(f"The bench does not know a reasoner {name!r}.", next_step="Use --reasoner statistical.")
    return StatisticalReasoner()
