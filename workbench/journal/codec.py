"""A noun -> JSON text, and back to an equal noun.

Every value that JSON does not have carries a tag, one key that starts with `!`:

    {"!": "Entity", "iri": {"!i": "https://..."}, "kind": "Service", "name": "cart"}     a dataclass, by class name
    {"!t": "2026-01-01T00:00:00+00:00"}  a time    {"!e": ["Layer", "declared"]}  one of an enumeration
    {"!m": [["service", "cart"]]}  a mapping       {"!f": "inf"}  a float that JSON lacks
    {"!d": "<sha256>"}  a table, kept apart        [...]  a tuple

No class outside `NOUNS` is ever built: text in the file cannot name code.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import memory.protocol as experience
import ontology.nouns as world
import ontology.terms as words
import workbench.nouns as desk
from ontology.errors import Unavailable
from ontology.nouns import Iri

_ROOMS = (world, experience, desk)
NOUNS: dict[str, type] = {
    name: noun
    for room in _ROOMS
    for name, noun in vars(room).items()
    if isinstance(noun, type) and dataclasses.is_dataclass(noun)
}
"""The dataclasses that may be written and read, by class name."""
CHOICES: dict[str, type[StrEnum]] = {
    name: choice
    for room in (words, *_ROOMS)
    for name, choice in vars(room).items()
    if isinstance(choice, type) and issubclass(choice, StrEnum) and choice is not StrEnum
}
"""The enumerations that may be written and read."""

Keep = Callable[[Any], str]
"""Takes a table, keeps it somewhere, returns its content hash."""
Fetch = Callable[[str], Any]
"""Takes a content hash, returns the table."""


def written(noun: object, keep: Keep) -> str:
    """Return the JSON text of a noun; its tables go to `keep`.

    Raises:
        TypeError: a value that no noun should hold.
    """
    return json.dumps(_plain(noun, keep), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read(text: str, fetch: Fetch) -> Any:
    """Return the noun that the text tells of; its tables come from `fetch`.

    Raises:
        Unavailable: the text was written by a workbench with other nouns, or is damaged.
    """
    try:
        return _noun(json.loads(text), fetch)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unavailable(
            f"A record in the journal cannot be read: {error}.",
            next_step="Upgrade the workbench if a newer one wrote it; the record was left as it is.",
        ) from error


def _plain(value: Any, keep: Keep) -> Any:
    """Return the value as JSON has it, tagged where JSON has no such thing."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, tuple | list):
        return [_plain(item, keep) for item in value]
    if isinstance(value, Mapping):
        return {"!m": [[_plain(key, keep), _plain(item, keep)] for key, item in value.items()]}
    if type(value) in NOUNS.values():
        fields = {field.name: _plain(getattr(value, field.name), keep) for field in dataclasses.fields(value)}
        return {"!": type(value).__name__, **fields}
    return _foreign(value, keep)


def _text(value: str) -> Any:
    if CHOICES.get(type(value).__name__) is type(value):
        return {"!e": [type(value).__name__, str(value)]}
    return {"!i": str(value)} if isinstance(value, Iri) else str(value)


def _number(value: float) -> Any:
    if isinstance(value, int):
        return int(value)
    return float(value) if math.isfinite(value) else {"!f": repr(float(value))}


def _time(value: datetime) -> Any:
    """Return a time; pandas' own keeps its nanoseconds under a tag of its own."""
    return {"!p" if hasattr(value, "nanosecond") else "!t": value.isoformat()}


def _foreign(value: Any, keep: Keep) -> Any:
    """Return a table's hash, or the plain number in a numpy scalar."""
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return {"!d": keep(value)}
    if isinstance(value, np.generic):
        return _plain(value.item(), keep)
    raise TypeError(f"a {type(value).__name__} cannot be kept in the journal")


def _noun(value: Any, fetch: Fetch) -> Any:
    """Return the value that `_plain` was given."""
    if isinstance(value, list):
        return tuple(_noun(item, fetch) for item in value)
    if not isinstance(value, dict):
        return value
    if "!" in value:
        fields = {name: _noun(item, fetch) for name, item in value.items() if name != "!"}
        return NOUNS[value["!"]](**fields)
    ((tag, body),) = value.items()
    return fetch(body) if tag == "!d" else _untagged(tag, body, fetch)


def _untagged(tag: str, body: Any, fetch: Fetch) -> Any:
    if tag == "!i":
        return Iri(body)
    if tag == "!t":
        return datetime.fromisoformat(body)
    if tag == "!e":
        return CHOICES[body[0]](body[1])
    if tag == "!m":
        return {_noun(key, fetch): _noun(item, fetch) for key, item in body}
    if tag == "!f":
        return float(body)
    if tag == "!p":
        import pandas as pd

        return pd.Timestamp(body)
    raise ValueError(f"unknown tag {tag!r}")
