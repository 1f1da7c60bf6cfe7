"""Witnesses: what was deployed or configured just before, and broken states that the state table reports."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import timedelta

from workbench.nouns import Modality
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Family, Sign
from workbench.reasoning.statistical.wording import number
from workbench.signals import moment

DECLARED = frozenset(
    ("event", "workload", "service", "node", "claim", "volume", "quota", "config", "policy", "namespace", "declared")
)
"""Kinds of row that tell of the objects of a cluster."""
HELD_BACK = timedelta(minutes=30)
"""A change is looked for this long before the onset."""


def changes(seen: Seen) -> Iterator[Sign]:
    """Yield deploys and configuration changes shortly before the onset; the nearer and the fewer, the more telling."""
    rows = seen.rows(Modality.CHANGES)
    if rows is None:
        return
    onset = seen.onset or seen.since
    near = rows[(rows["time"] >= onset - HELD_BACK) & (rows["time"] <= onset + timedelta(minutes=1))]
    entities = max(int(near["entity"].nunique()), 1)
    for row in near.itertuples():
        at = moment(row.time) or onset
        lag = max((onset - at).total_seconds(), 0.0)
        nats = max(0.3, 3.0 * math.exp(-lag / 600.0) - 0.5 * math.log(entities))
        kind = str(row.kind)
        ref = f" ({row.ref!s})" if row.ref else ""
        before = f"{number(lag, 's')} before the onset" if lag else "at the onset"
        note = f"{kind} at {at:%H:%M:%S}, {before}: {row.summary!s}{ref}"
        hint = _changed(kind, str(row.summary), str(row.detail))
        yield Sign(str(row.entity), Family.CHANGE, nats, note, str(row.observation), Modality.CHANGES, hint=hint, at=at)


def _changed(kind: str, summary: str, detail: str) -> str:
    """Say whether a change touched configuration or code: a release whose diff sets a value is the former."""
    added = [line[1:].strip() for line in detail.splitlines() if line.startswith("+") and not line.startswith("+++")]
    added = added or [line.strip() for line in detail.splitlines()]  # no diff: the new values alone
    keys = [match[1].lower() for line in added if (match := re.match(r"([\w.-]+)\s*[:=]", line))]
    sets = any(key != "image" and "version" not in key for key in keys)
    return "config" if sets or kind in ("config", "flag") or "=" in summary else "deploy"


def states(seen: Seen) -> Iterator[Sign]:
    """Yield restarts and broken states that the state table reports in the window."""
    rows = seen.rows(Modality.STATE)
    if rows is None:
        return
    for row in rows.itertuples():
        if row.kind in ("alert", "monitor"):
            continue  # somebody else's conclusion, and maybe the very alert that we look into
        if row.kind in DECLARED:
            continue  # the witness of cluster objects reads them, with what stands beside them
        text = f"{row.field} {row.value}".lower()
        if any(word in text for word in ("crashloop", "oomkilled", "evicted", "imagepull", "failed")):
            note = f"{row.kind} {row.field} is {row.value}"
            yield Sign(
                str(row.entity),
                Family.STATE,
                2.5,
                note,
                str(row.observation),
                Modality.STATE,
                hint="restart",
                at=moment(row.time),
            )
