"""Alertmanager: which alerts fired over a window, by its API v2, as state.

    AlertmanagerState("http://localhost:9093").ask(Question(Modality.STATE, window, about=(payment,)))

It knows the alerts that are active, and since when; one that was resolved is forgotten within minutes. An alert is a
symptom and no change, so it is told as state alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from ontology.nouns import utc
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import Row, held, names_of, parsed, replied
from workbench.telemetry.readonly import Allowed

LABELS = (
    *("service", "service_name", "app", "deployment", "statefulset", "daemonset", "job_name"),
    *("container", "job", "pod", "instance"),
)
"""Labels that may hold the name of an entity, the best first."""


class AlertmanagerState(HttpSource):
    """Answers questions on state from an Alertmanager."""

    name = "alertmanager"
    modality: ClassVar[Modality] = Modality.STATE
    reads = (Allowed("GET", "/api/v2/alerts"),)

    def reply(self, question: Question) -> Reply:
        """Return the alerts that were active."""
        asked = dict.fromkeys(("active", "silenced", "inhibited", "unprocessed"), "true")
        alerts = self.items("/api/v2/alerts", asked)
        rows = parsed(self.name, (row for each in alerts for row in _alert(each, question)))
        names = sorted(names_of(question))
        shown = "{" + f"service=~{json.dumps('|'.join(names))}" + "}" if names else "{}"
        link = f"{self.url}/#/alerts?filter={quote(shown)}"
        return replied(rows, question, searched=self.url, query="GET /api/v2/alerts", link=link)


def _alert(alert: Mapping[str, Any], question: Question) -> Iterator[Row]:
    """Yield an alert, where it began before the windows' end and had not ended before their start."""
    labels, names = alert["labels"], names_of(question)
    at = held(utc(str(alert["startsAt"])), question)
    if at is None or utc(str(alert["endsAt"])) < at:
        return
    said = [service_of(str(labels[each])) for each in LABELS if labels.get(each)]
    entity = next((each for each in said if each in names), said[0] if said else "")
    stands = {"active": "firing", "suppressed": "silenced", "unprocessed": "firing"}
    state = str((alert.get("status") or {}).get("state", "active"))
    summary = (
        (alert.get("annotations") or {}).get("summary") or (alert.get("annotations") or {}).get("description") or ""
    )
    severity = f" ({labels['severity']})" if labels.get("severity") else ""
    value = f"{stands.get(state, state)}{severity}: {summary}".removesuffix(": ")
    yield at, entity, "alert", str(labels.get("alertname", "alert")), value
