"""What was remembered, and the alerts at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from memory.protocol import Episode
from ontology.nouns import Alert
from workbench.render.markup import columns, grid, tag
from workbench.render.view import View, page
from workbench.render.words import clock, cut


def saved_view(episode: Episode, notebook: Path) -> View:
    """Return what the next alike incident will recall."""
    cause = episode.claim or "no cause named"
    say = f"Saved as {episode.verdict}: {cut(cause, 200)}"
    notes = {
        "verdict": _meant(episode),
        "remedy": episode.remedy or 'not noted; say it with case.save(remedy="…")',
        "notebook": notebook.name,
        "episode": episode.id,
    }
    rows = list(notes.items())
    return page(
        f"{say}\n{columns(rows, most=120)}", tag("p", say, class_="say"), grid(rows, class_="lead"), kind="saved"
    )


def _meant(episode: Episode) -> str:
    if episode.verdict == "unresolved":
        return 'unresolved: nobody confirmed it yet; case.confirm() or case.save("rejected") says more'
    return str(episode.verdict)


def alerts_view(alerts: Sequence[Alert]) -> View:
    """Return the alerts, as given."""
    if not alerts:
        words = "No alert is known yet. Open a payload: workbench open payload.json, or the demo: workbench demo."
        return page(words, tag("p", words, class_="say"), kind="alerts")
    rows = [(f"{each.fired:%Y-%m-%d} {clock(each.fired)}", each.severity, each.title, each.id) for each in alerts]
    head = ("fired (UTC)", "severity", "alert", "id")
    return page(columns(rows, head, most=90), grid(rows, head, class_="rows"), kind="alerts")
