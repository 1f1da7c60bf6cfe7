"""Any sender of JSON: the settings say which field is which. A header bears the secret.

    webhook_fields = { alerts = "events", title = "rule.name", start = "at", id = "key", service = "tags.svc" }

`alerts` is the path of a list, empty for a payload that is one alert; all other paths begin at an alert. `title`,
`start`, `id`, `severity`, `summary`, `link` and `over` (a time, present where it is over) are known names; any other is
a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from workbench.intake.alertmanager import Delivery
from workbench.intake.alertmanager import deliver as read
from workbench.intake.fields import at, moment, text
from workbench.intake.proof import bearer

FIELDS = {"title": "title", "start": "start", "id": "id", "severity": "severity", "summary": "summary", "link": "link"}
"""Where nothing else is said: the fields are called as we call them."""
_KNOWN = frozenset({*FIELDS, "alerts", "over"})


def authentic(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Say whether a header bears the secret."""
    return bearer(headers, secret)


def deliver(payload: Mapping[str, object], fields: Mapping[str, str] | None = None) -> Delivery:
    """Return the alerts of a payload, each field taken from its path.

    Raises:
        BadInput: there is no list where one should be, or too many in it.
    """
    paths = {**FIELDS, **(fields or {})}
    listed: object = at(payload, paths["alerts"]) if paths.get("alerts") else [payload]
    entries = [_entry(each, paths) for each in listed] if isinstance(listed, list) else listed
    return read({"alerts": entries})


def _entry(said: object, paths: Mapping[str, str]) -> dict[str, object]:
    over = moment(text(said, paths["over"])) if "over" in paths else ""
    labels = {name: text(said, path) for name, path in paths.items() if name not in _KNOWN}
    return {
        "status": "resolved" if over else "firing",
        "labels": {
            **{name: value for name, value in labels.items() if value},
            "alertname": text(said, paths["title"]),
            "severity": text(said, paths["severity"]),
        },
        "annotations": {"summary": text(said, paths["summary"])},
        "startsAt": moment(text(said, paths["start"])),
        "endsAt": over,
        "generatorURL": text(said, paths["link"]),
        "fingerprint": text(said, paths["id"]),
    }
