"""A confirmed hypothesis -> a patch that takes its change back, and the text of a pull request; two local files.

A change is proposed only where evidence of the hypothesis names one that came before the alert, a checkout of ours
holds it, and git would apply its reverse. Where that is not so, what is missing is said; nothing is made up. Nothing is
pushed, and no network is used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ontology.errors import NotAllowed, PersonError
from scanners.changes.git_history import root_of
from scanners.changes.reversal import Reversal, fits, reversal, reversed_diff
from workbench.nouns import Case, Evidence, Hypothesis, Modality, State
from workbench.render.proposal import Proposed


@dataclass(frozen=True, slots=True)
class Change:
    """A change that evidence names."""

    at: datetime
    summary: str
    ref: str
    detail: str


def proposed(case: Case, hypothesis: Hypothesis, repositories: Sequence[Path]) -> tuple[Proposed, Reversal | None]:
    """Return what is proposed for a confirmed hypothesis and its patch, or what is missing for one.

    Args:
        case: holds the observations that the evidence cites.
        hypothesis: confirmed by a person.
        repositories: checkouts, or folders in them; only read.
    """
    changes = tuple(dict.fromkeys(_changes(case, hypothesis)))
    missing = [] if changes else ["none of its evidence names a change from before the alert"]
    if changes and not repositories:
        missing = ["no checkout is known: name it in git_folders, or in case.propose_change(repository=…)"]
    for change in changes:
        for folder in repositories:
            found = _undone(change, folder)
            if isinstance(found, Reversal):
                return Proposed(hypothesis, change.summary, found.what, found.files), found
            missing.append(f"{change.summary}: {found}")
    return Proposed(hypothesis, missing=tuple(dict.fromkeys(missing))), None


def confirmed(case: Case) -> Hypothesis:
    """Return the hypothesis that a person confirmed.

    Raises:
        NotAllowed: there is none.
    """
    found = next((each for each in case.hypotheses if each.state is State.CONFIRMED), None)
    if found is None:
        raise NotAllowed("Nobody confirmed a cause.", next_step="Say case.confirm(), then case.propose_change().")
    return found


def written(path: Path, text: str) -> Path:
    """Write a text file whole or not at all; return its path.

    Raises:
        NotAllowed: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8", newline="") as fresh:
            fresh.write(text)
        Path(fresh.name).replace(path)
    except OSError as error:
        raise NotAllowed(
            f"{path} cannot be written: {error.strerror or error}.", next_step=f"Make {path.parent} writable."
        ) from error
    return path


def _undone(change: Change, folder: Path) -> Reversal | str:
    """Return the patch that takes the change back in this checkout, or why there is none."""
    try:
        root = root_of(folder.expanduser())
        found = _taken_back(change, root)
        refused = fits(found, root)
    except PersonError as error:
        return f"{error.problem} {error.next_step}"
    return f"its reverse does not apply to {root.name} as it is checked out: {refused}" if refused else found


def _taken_back(change: Change, root: Path) -> Reversal:
    """Return the reverse of the commit, else of the diff that came with the change."""
    try:
        return reversal(root, change.ref)
    except PersonError:
        if "\n@@ " not in change.detail:
            raise
        return reversed_diff(change.detail, f"{change.ref} {change.summary}".strip())


def _changes(case: Case, hypothesis: Hypothesis) -> Iterator[Change]:
    """Yield the changes that the hypothesis' evidence cites, the weightiest first.

    What came after the alert did not cause it: often it is somebody's attempt to mend it.
    """
    cited = [each for each in hypothesis.evidence if each.stance == "for" and each.channel is Modality.CHANGES]
    for each in sorted(cited, key=lambda each: -each.weight):
        if each.at is not None and each.at <= case.alert.fired:
            yield from _rows(case, hypothesis, each)


def _rows(case: Case, hypothesis: Hypothesis, evidence: Evidence) -> Iterator[Change]:
    observation = case.observation(evidence.observation)
    table = None if observation is None else observation.table
    if table is None:
        return
    for row in table[table["entity"] == hypothesis.suspect.name].to_dict("records"):
        if row["time"] == evidence.at:
            yield Change(row["time"], *(str(row.get(name) or "") for name in ("summary", "ref", "detail")))
