"""What is made of recorded cases before a run: the incidents, the quiet hours around them, the symptom without a cause.

with held(Path("run.jsonl"), "quiet") as place:
    folders = suite("quiet", cases([Path("cases")]), place)
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ontology.errors import NotFound
from workbench.bench.quiet import quiet_cases, removed_cases

RECORDED = "recorded"
"""The cases as they were recorded."""
MADE: Mapping[str, Callable[[Sequence[Path], Path], list[Path]]] = {
    "quiet": quiet_cases,
    "removed": removed_cases,
}
"""Suites that are made of recorded cases, each by a function of their folders and of the place where its own go."""
SUITES = (RECORDED, *MADE)


def suite(name: str, folders: Sequence[Path], place: Path) -> list[Path]:
    """Return the folders of the suite's cases; those that have to be made are written into the place.

    Raises:
        NotFound: none of these cases gives one of this suite.
    """
    if name == RECORDED:
        return list(folders)
    found = MADE[name](folders, place)
    if not found:
        raise NotFound(
            f"None of these {len(folders)} cases gives one of the suite {name}.",
            next_step="Name cases with metrics from before the incident.",
        )
    return found


@contextmanager
def held(resume: Path | None) -> Iterator[Path]:
    """Give a place for made cases: beside the file that an interrupted run goes on from, else for this run alone."""
    if resume is not None:
        yield resume.with_name(f"{resume.stem}-made")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder)
