"""Drafts that wait for a person: kept apart from the episodes, so that nothing is recalled before it is accepted.

<root>/<draft id>.json
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from memory.protocol import Episode, Verdict
from memory.threads import Draft, Statement
from ontology.errors import BadInput, NotFound
from ontology.nouns import Alert, Window


class DraftShelf:
    """Drafts in a folder."""

    def __init__(self, root: Path) -> None:
        """Use the folder; it is made at the first `keep`."""
        self.root = root

    def keep(self, draft_id: str, draft: Draft) -> None:
        """Keep the draft until it is accepted or dropped; the same id again replaces it."""
        self.root.mkdir(parents=True, exist_ok=True)
        half = self.root / f".{draft_id}.half"
        half.write_text(json.dumps(asdict(draft), indent=1), encoding="utf-8")
        os.replace(half, self.root / f"{draft_id}.json")  # noqa: PTH105  # whole or not at all

    def waiting(self) -> tuple[str, ...]:
        """Return the ids of the drafts that wait."""
        return tuple(sorted(each.stem for each in self.root.glob("[!.]*.json")))

    def show(self, draft_id: str) -> Draft:
        """Return the draft.

        Raises:
            NotFound: there is none.
            BadInput: it cannot be read.
        """
        path = self.root / f"{draft_id}.json"
        if Path(draft_id).name != draft_id or not path.is_file():
            raise NotFound(f"No draft {draft_id!r} waits.", next_step="List them: workbench episodes drafts")
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return Draft(tuple(Statement(**each) for each in kept["statements"]), kept["made_by"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"The draft {draft_id} is damaged: {error}.", next_step=f"Remove {path}.") from error

    def drop(self, draft_id: str) -> None:
        """Remove the draft."""
        with contextlib.suppress(FileNotFoundError):
            (self.root / f"{Path(draft_id).name}.json").unlink()


def accepted(draft_id: str, draft: Draft, now: datetime) -> Episode:
    """Return the episode of a draft that a person accepts: no cause is named, so that it teaches no suspicion.

    Its words are those of the messages, which it cites.
    """
    problem = next((each.text for each in draft.of("problem")), draft_id)
    title = problem.splitlines()[0][:80]
    alert = Alert(draft_id, title, Window(now, now), summary=problem, labels={"alertname": title})
    said = {
        kind: [f"{each.text} [{each.who}, {each.message}]" for each in draft.of(kind)] for kind in ("dead end", "fix")
    }
    links = tuple(each.text for each in draft.of("link"))
    return Episode(
        f"thread-{draft_id}",
        alert,
        (),
        None,
        "unknown",
        Verdict.UNRESOLVED,
        now,
        claim="\n".join(said["fix"]),
        remedy="\n".join([*said["fix"][-1:], *links]),
        ruled_out=tuple(said["dead end"]),
    )
