"""Which alerts belong together: fired again, fired beside an open case, or worded like it.

Pure. An alert is compared with the heads of open cases, the latest first; the first reason that holds attaches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

BESIDE = timedelta(minutes=5)
"""Alerts on neighbours count as one case when they fire so close to each other."""
AGAIN = timedelta(hours=1)
"""An alert that fires again within this of its case goes on with it."""
FLAPPING = 3
"""Firings within that time from which an alert is said to flap."""
ALIKE = 0.6
"""Share of labels in common from which alerts that the graph cannot place count as alike."""


class Seen(Protocol):
    """What is compared of an alert."""

    @property
    def alert_id(self) -> str: ...  # noqa: D102  # as the noun's own
    @property
    def series(self) -> str:
        """What its firings have in common."""
        ...

    @property
    def fired(self) -> datetime: ...  # noqa: D102  # as the noun's own
    @property
    def own(self) -> frozenset[str]:
        """IRIs of the things that it is about; empty where the graph knows none."""
        ...

    @property
    def near(self) -> frozenset[str]:
        """IRIs of what is one step from them in the graph, they themselves included."""
        ...

    @property
    def labels(self) -> frozenset[str]:
        """Its labels but for name and severity, as `name=value`."""
        ...

    @property
    def firings(self) -> int:
        """How often it fired in the last hour."""
        ...


class Attached(NamedTuple):
    """To which alert's case another belongs, and why."""

    to: str
    because: str


def attached(new: Seen, heads: Sequence[Seen]) -> Attached | None:
    """Return the case that an alert belongs to, or None where it is one of its own."""
    for head in sorted(heads, key=lambda each: each.fired, reverse=True):
        because = _again(new, head) or _beside(new, head) or _alike(new, head)
        if because and head.alert_id != new.alert_id:
            return Attached(head.alert_id, because)
    return None


def _again(new: Seen, head: Seen) -> str:
    if new.series != head.series or abs(new.fired - head.fired) > AGAIN:
        return ""
    return f"flaps: it fired {new.firings} times in an hour" if new.firings >= FLAPPING else "fired again"


def _beside(new: Seen, head: Seen) -> str:
    close = new.own & head.near or new.near & head.own
    if not close or abs(new.fired - head.fired) > BESIDE:
        return ""
    return f"beside it in the graph, {abs((new.fired - head.fired).total_seconds()):.0f} s apart"


def _alike(new: Seen, head: Seen) -> str:
    if (new.own and head.own) or abs(new.fired - head.fired) > BESIDE:
        return ""
    union = new.labels | head.labels
    share = len(new.labels & head.labels) / len(union) if union else 0.0
    return f"alike: {share:.0%} of the labels are the same" if share >= ALIKE else ""
