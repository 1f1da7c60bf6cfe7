"""Runbooks: Markdown files with a small header, matched to an alert or a failure mode.

---
title: Payment pool exhausted
alerts: [CheckoutLatencyHigh]
failure_modes: [bad-configuration]
---
1. Compare POOL_SIZE of the release with the one before.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from memory.protocol import Runbook
from ontology.errors import BadInput
from ontology.nouns import Alert

HEADER = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
STEP = re.compile(r"^\s*(?:\d+[.)]|[-*])\s+(.+)$", re.MULTILINE)


def read(path: Path) -> Runbook:
    """Return the runbook in a Markdown file.

    Raises:
        BadInput: there is no header, or it is not YAML.
    """
    found = HEADER.match(path.read_text(encoding="utf-8"))
    try:
        header = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError as error:
        raise BadInput(
            f"The header of {path.name} is not YAML: {error}.", next_step="Correct it and read again."
        ) from error
    if not found or not isinstance(header, dict):
        raise BadInput(f"{path.name} has no header.", next_step="Begin the file with --- title: …, alerts: […] ---.")
    return Runbook(
        id=path.stem,
        title=str(header.get("title", path.stem)),
        steps=tuple(STEP.findall(found[2])),
        alerts=tuple(map(str, header.get("alerts", ()))),
        failure_modes=tuple(map(str, header.get("failure_modes", ()))),
    )


def fits(runbook: Runbook, alert: Alert, failure_mode: str = "") -> bool:
    """Say whether the runbook is for this alert or this failure mode."""
    name = alert.labels.get("alertname", alert.title)
    return name in runbook.alerts or (bool(failure_mode) and failure_mode in runbook.failure_modes)
