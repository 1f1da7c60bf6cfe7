"""A time as a person says it: `2026-01-31T02:58:00Z`, `15m` ago, `alert`, `alert-30m`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from ontology.errors import BadInput
from ontology.nouns import utc

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTH = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*([smhdw])")
_FROM = re.compile(r"(now|alert)\s*(?:([+-])\s*(.+))?")


def duration(text: str) -> timedelta:
    """Return the length of time.

    Raises:
        BadInput: the text is no length of time.

    >>> duration("15m")
    datetime.timedelta(seconds=900)
    """
    found = _LENGTH.fullmatch(text.strip())
    if not found:
        raise BadInput(f"{text!r} is no length of time.", next_step="Write it like 90s, 15m, 2h or 1d.")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


def moment(when: datetime | str, now: datetime, alert: datetime | None = None) -> datetime:
    """Return the time that is meant.

    Args:
        when: a time, ISO-8601 text, a length of time back from now (`15m`), or `now` or `alert` with a length of time
            added or taken away (`alert-30m`).
        now: what `now` means.
        alert: when the alert of the case fired; None where there is no case.

    Raises:
        BadInput: it is no time, or speaks of an alert where there is none.

    >>> noon = utc("2026-01-31T12:00:00Z")
    >>> [f"{moment(each, noon, noon):%H:%M}" for each in ("15m", "alert-1h", "now", "2026-01-31T02:58:00Z")]
    ['11:45', '11:00', '12:00', '02:58']
    """
    if isinstance(when, datetime):
        return utc(when)
    text = when.strip()
    if _LENGTH.fullmatch(text):
        return now - duration(text)
    if found := _FROM.fullmatch(text):
        start = now if found[1] == "now" else alert
        if start is None:
            raise BadInput(f"{text!r}: no case is open.", next_step='Open one: case = wb.open("…"), or say a time.')
        shift = duration(found[3]) if found[3] else timedelta(0)
        return start - shift if found[2] == "-" else start + shift
    try:
        return utc(text)
    except BadInput as error:
        raise BadInput(
            error.problem, next_step="Write it like 2026-01-31T02:58:00Z, 15m (ago), alert or alert-30m."
        ) from None
