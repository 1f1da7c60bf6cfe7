"""What happens to an alert before the work: muted by a rule, attached to an open case, gathered in a storm."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from ontology.errors import PersonError
from ontology.nouns import Alert
from workbench import assembly
from workbench.intake.grouping import AGAIN, attached
from workbench.journal import Journal, rules
from workbench.journal.queue import Decision, Progress, Sight
from workbench.ports import GraphView
from workbench.settings import Settings

BATCH = 200
"""Alerts that are sorted in one go."""
STORM_WINDOW = timedelta(minutes=5)
_log = logging.getLogger(__name__)


def triage(journal: Journal, settings: Settings) -> None:
    """Sort what waits unsorted: the storm first, so that a hundred thousand alerts cost one look."""
    journal.queue.gather(STORM_WINDOW, settings.watch_storm)
    in_force = rules.active(journal.database, journal.now())
    graphs: dict[str, GraphView | None] = {}
    for alert_id in journal.queue.unsorted(BATCH):
        kept = journal.alert(alert_id)
        rule = next((each for each in in_force if each.fits(kept.alert)), None)
        if rule is not None:
            journal.queue.mute(alert_id, rule.words)
            continue
        if kept.environment not in graphs:
            graphs[kept.environment] = _graph(kept.environment, settings)
        own, near = _place(kept.alert, graphs[kept.environment])
        journal.queue.sort(alert_id, own, near, _labels(kept.alert.labels), _decided, AGAIN)


def _decided(new: Sight, heads: tuple[Sight, ...]) -> Decision:
    found = attached(new, [each for each in heads if each.environment == new.environment])
    return Decision(Progress.RECEIVED) if found is None else Decision(Progress.ATTACHED, found.to, found.because)


def _graph(environment: str, settings: Settings) -> GraphView | None:
    """Return the graph of an environment, or None where it does not answer: labels must do then."""
    try:
        return assembly.workplace(environment, settings).environment.graph
    except PersonError as error:
        _log.warning("Alerts are grouped without the graph. %s", error)
        return None


def _place(alert: Alert, graph: GraphView | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return what the alert is about, and what is one step from it; nothing where the graph cannot place it."""
    if graph is None:
        return frozenset(), frozenset()
    try:
        own = frozenset(each.iri for each in graph.around(alert, 0))
        nameless = replace(alert, title="", summary="", labels={})
        if len(own) > 1 and own == frozenset(each.iri for each in graph.around(nameless, 0)):
            return frozenset(), frozenset()  # it is about the estate as a whole
        return own, frozenset(each.iri for each in graph.around(alert, 1))
    except PersonError as error:
        _log.warning("An alert is grouped without the graph. %s", error)
        return frozenset(), frozenset()


def _labels(labels: Mapping[str, str]) -> frozenset[str]:
    return frozenset(f"{name}={value}" for name, value in labels.items() if name not in ("alertname", "severity"))
