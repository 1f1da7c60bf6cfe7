"""One change that several sources tell is one: a commit, its sync by Argo CD and the rollout in the cluster.

    joined([("git shop", first), ("argocd", second)])   # a row a change, its witnesses named

Two rows of different sources are the same change where they are about the same entity, name the same revision or
version as what is new, and lie within minutes of each other. What differs in any of these stays apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pandas as pd

WITHIN = timedelta(minutes=15)
"""From the first witness of a change to the last: a pipeline takes minutes."""
HASH = 7
"""Characters by which two hashes of a commit are compared: the shortest that git writes."""
EFFECT = ("deploy", "config", "flag", "release", "merge", "commit")
"""Kinds of changes, that which takes effect first: its row stands for the change."""
_HASH = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b")
_VERSION = re.compile(r"(?<![\w.])v?(\d+\.\d+(?:\.\d+)*(?:[-+][\w.]+)?)(?![\w.])")
_REPLICAS = re.compile(r"-[0-9a-z]{5,10}$")


@dataclass(slots=True)
class _Change:
    """Rows that are the same change."""

    entity: str
    first: pd.Timestamp
    told: list[tuple[str, dict[str, Any]]]
    names: set[str] = field(default_factory=set)
    """What it is known by: hashes and versions."""


def joined(tables: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Return the rows of several sources, those of the same change as one that names its witnesses.

    Args:
        tables: name of a source and its changes.
    """
    rows = [(name, _plain(row)) for name, table in tables for row in table.to_dict("records")]
    changes: list[_Change] = []
    for name, row in sorted(rows, key=lambda each: each[1]["time"]):
        names = known_by(row)
        same = next((each for each in reversed(changes) if _same(each, name, row, names)), None)
        if same is None:
            changes.append(_Change(str(row["entity"]), row["time"], [(name, row)], names))
        else:
            same.told.append((name, row))
            same.names |= names
    return pd.DataFrame([_row(each) for each in changes], columns=list(tables[0][1].columns))


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in row.items()}


def known_by(row: dict[str, Any]) -> set[str]:
    """Return the hashes and versions that a change makes the new ones; what was before an arrow is not among them.

    >>> said = "cart revision 5: a/cart:1.4.1 -> a/cart:1.4.2"
    >>> rollout = {"entity": "cart", "summary": said, "ref": "cart-5d8f7c9b6d"}
    >>> known_by(rollout)
    {'1.4.2'}
    """
    parts = re.split(r",\s", str(row.get("summary", "")))
    new = " ".join(each.rpartition("->")[2] for each in parts).replace(":", " ").replace("/", " ").replace("@", " ")
    ref = str(row.get("ref", ""))
    entity = str(row.get("entity", ""))
    said = f"{new} {'' if entity and ref.startswith(f'{entity}-') and _REPLICAS.search(ref) else ref}"
    return {each[:HASH] for each in _HASH.findall(said)} | set(_VERSION.findall(said))


def _same(change: _Change, source: str, row: dict[str, Any], names: set[str]) -> bool:
    """Say whether a row tells the same change: another source, the same entity and name, within minutes."""
    if change.entity != row["entity"] or row["time"] - change.first > WITHIN or not names & change.names:
        return False
    return all(name != source for name, _ in change.told)


def _row(change: _Change) -> dict[str, Any]:
    """Return the row of the witness in which the change took effect, with what the others say."""
    source, best = min(change.told, key=lambda each: (_place(each[1]), each[1]["time"]))
    others = [each for each in change.told if each[1] is not best]
    if not others:
        return best
    by = ", ".join(name for name, _ in others)
    detail = "\n".join(filter(None, [str(best["detail"]), *_witnesses(others)]))
    return {**best, "summary": f"{best['summary']} (told by {source}, also by {by})", "detail": detail}


def _place(row: dict[str, Any]) -> int:
    kind = str(row["kind"])
    return EFFECT.index(kind) if kind in EFFECT else len(EFFECT)


def _witnesses(others: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Yield a line a witness, with its detail."""
    for name, row in others:
        yield f"{name} at {row['time']:%H:%M:%S}Z: {row['kind']} {row['summary']} {row['ref']}".rstrip()
        if row["detail"]:
            yield str(row["detail"])
