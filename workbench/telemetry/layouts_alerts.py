"""Lists of alerts: many cases in one table, each a handful of events without a time, and who is joined to whom.

    described(Path("lists/some-case"))      # where `lists/alerts.parquet` holds the rows of `some-case`

Beside `alerts.parquet` (`case_id, modality, entity, peer, what, signal`) stand `topology.parquet` (`case_id, src, dst`)
and `entities.parquet` (`case_id, entity`). Nothing tells when: every row is of the one instant `NOWHEN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.nouns import Modality
from workbench.telemetry.layouts import Recorded, frame

ALERTS, TOPOLOGY, ENTITIES = "alerts.parquet", "topology.parquet", "entities.parquet"
NOWHEN = "1970-01-01T00:00:00Z"
"""The instant of what has no time: recognisably none, and the same for all rows, since their order is not known."""
OUTSIDE = "(outside)"
"""A caller that the list does not know."""
_END = "1970-01-01T00:05:00Z"
APART = 3600
"""Seconds between the moments that stand for the other cases of a list: its history, of which no label is read."""


def listed(folder: Path) -> bool:
    """Say whether the folder is no folder, but a case in the list beside it."""
    return not folder.exists() and (folder.parent / ALERTS).is_file() and folder.name in names(folder.parent)


def names(folder: Path) -> tuple[str, ...]:
    """Return the cases of a list, in its order; none where the table is something else."""
    table = frame(folder / ALERTS)
    return tuple(map(str, table["case_id"].unique())) if {"case_id", "signal"} <= set(table.columns) else ()


def described(folder: Path) -> dict[str, Any]:
    """Return what a case.json would say of a case of the list."""
    place, case = folder.parent, folder.name
    alerts = _of(place / ALERTS, case)
    entities = _of(place / ENTITIES, case)["entity"] if (place / ENTITIES).is_file() else alerts["entity"]
    files: dict[str, list[object]] = {"state": [str(place / ALERTS), len(alerts)]}
    if (place / TOPOLOGY).is_file():
        files["topology"] = [str(place / TOPOLOGY), len(_of(place / TOPOLOGY, case))]
    return {
        "case_id": case,
        "dataset": place.name,
        "system": place.name,
        "summary": f"{len(alerts)} alerts on {alerts['entity'].nunique()} of {entities.nunique()} entities",
        "window_abnormal": [NOWHEN, _END],
        "files": files,
        "entities": {"Service": sorted(map(str, entities.unique()))},
        "note": "No time was recorded: all rows are of one instant.",
    }


def _of(path: Path, case: str) -> pd.DataFrame:
    table = frame(path)
    return table[table["case_id"] == case]


def _known(place: Path) -> set[str]:
    """Return whom a list names as its entities or in its topology; nobody where it keeps no list of entities."""
    if not (place / ENTITIES).is_file():
        return set()
    ends = frame(place / TOPOLOGY)[["src", "dst"]].to_numpy().ravel() if (place / TOPOLOGY).is_file() else ()
    return {str(each) for each in (*frame(place / ENTITIES)["entity"], *ends) if each}


def events(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """Return each event as a row of state, as a live Alertmanager tells alerts: kind `alert`, what it is about, how.

    The value is the kind of telemetry that it came from, the signal, and the other entity where there is one:
    `metric up`, `trace PD from frontend-0` (who called), `metric up on 10.0.0.4` (where it runs), `log seen`.
    The other cases of the list are its history: which alerts fired together before, each case at an hour of its own.
    Whom the list does not know was left over when its text was parsed, a collector's name or a mark for "nobody": an
    event about it is left out, and as a caller it is `(outside)`. Where something runs need not be known.
    """
    known = _known(folder.parent)
    if known:
        raw = raw[raw["entity"].isin(known)]
    own = (raw["case_id"] == payload["case_id"]).to_numpy()
    peer, called = raw["peer"].astype("object"), raw["modality"] == "trace"
    peer = peer.where(~called | peer.isna() | peer.isin(known or set(raw["entity"])), OUTSIDE)
    other = called.map({True: " from ", False: " on "}).astype("object") + peer.where(peer.notna(), "").astype(str)
    value = raw["modality"] + " " + raw["signal"] + other.where(peer.notna(), "")
    place = pd.factorize(raw["case_id"])[0] + 1
    when = pd.Timestamp(NOWHEN) - pd.to_timedelta(place * APART, unit="s")
    time = when.where(~own, pd.Timestamp(NOWHEN))
    rows = pd.DataFrame({"time": time, "entity": raw["entity"].to_numpy(), "kind": "alert"})
    return Recorded(rows.assign(field=raw["what"].to_numpy(), value=value.to_numpy()), pd.Series(~own))
