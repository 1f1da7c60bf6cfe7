"""Fields of a stranger's JSON: found by path, as text, or said to be missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ontology.errors import BadInput


def mapping(payload: object, path: str, *, needed: bool = True) -> Mapping[str, object]:
    """Return the object at a path of names divided by dots; an empty one where it is not needed.

    Raises:
        BadInput: it is needed, and there is none.
    """
    found = at(payload, path)
    if isinstance(found, Mapping):
        return found
    if needed:
        raise BadInput(f"The payload has no object {path!r}.", next_step="docs/alert-link.md shows what is expected.")
    return {}


def text(payload: object, path: str) -> str:
    """Return the text or number at a path; empty where there is neither.

    >>> text({"a": {"b": [{"c": 7}]}}, "a.b.0.c"), text({"a": []}, "a")
    ('7', '')
    """
    found = at(payload, path)
    return str(found) if isinstance(found, str | int | float) and not isinstance(found, bool) else ""


def at(payload: object, path: str) -> object:
    """Return what stands at a path of names and places divided by dots, or None."""
    for name in path.split("."):
        if isinstance(payload, Mapping):
            payload = payload.get(name)
        elif isinstance(payload, list) and name.isascii() and name.isdigit() and int(name) < len(payload):
            payload = payload[int(name)]
        else:
            return None
    return payload


def moment(said: str) -> str:
    """Return a time as ISO-8601 from that, or from unix seconds or milliseconds; what is neither comes back as it is.

    >>> moment("1767225600000"), moment("1767225600"), moment("2026-01-01T00:00:00Z")
    ('2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00Z')
    """
    if not (said.isascii() and said.isdigit() and len(said) <= 13):
        return said
    number = int(said)
    return datetime.fromtimestamp(number / 1000 if number > 99_999_999_999 else number, UTC).isoformat()
