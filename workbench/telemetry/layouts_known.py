"""Which layouts of a recorded case are known: our own, and those of public benchmarks.

    described(folder)                            # what case.json says, or what stands in its place
    read(folder, Modality.METRICS, payload)      # Recorded(rows, apart)

A layout is recognised by its files and their columns, never by the name of a case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ontology.errors import BadInput, NotFound
from workbench.nouns import Modality
from workbench.telemetry import layouts_alerts, layouts_kubernetes
from workbench.telemetry.layouts import COLUMNS, Recorded, broken, frame, service_of, typed
from workbench.telemetry.layouts_metrics import phased, piped, podded, replicated

Convert = Callable[[pd.DataFrame, Modality, Path, Mapping[str, Any]], Recorded]


def own(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """Return the rows as they are: they stand in the columns of `Question`."""
    return Recorded(raw)


LAYOUTS: Sequence[tuple[Callable[[Modality, set[str]], bool], Convert]] = (
    (lambda modality, columns: set(COLUMNS[modality]) <= columns, own),
    (lambda modality, columns: columns >= {"case_id", "signal"}, layouts_alerts.events),
    (lambda modality, columns: columns >= {"command", "output"}, layouts_kubernetes.snapshot),
    (lambda modality, columns: columns >= {"tool", "output"}, layouts_kubernetes.outputs),
    (lambda modality, columns: columns >= {"service", "n", "message"}, layouts_kubernetes.lines),
    (lambda modality, columns: "phase" in columns, phased),
    (lambda modality, columns: "pod" in columns, podded),
    (lambda modality, columns: any("|" in column for column in columns), piped),
    (lambda modality, columns: any("&" in column for column in columns), replicated),
    (lambda modality, columns: "time" in columns and any("-" in each for each in columns), layouts_kubernetes.measures),
)
"""How a layout is recognised, and how it is converted; the first that fits is taken."""


def source_of(folder: Path) -> Path:
    """Return the file that describes the case of a folder; the case may be one of many in a list beside it.

    Raises:
        NotFound: there is neither.
    """
    own_file = folder / "case.json"
    if own_file.is_file():
        return own_file
    if layouts_alerts.listed(folder):
        return folder.parent / layouts_alerts.ALERTS
    raise NotFound(
        f"There is no recorded case in {folder}: case.json cannot be opened.",
        next_step="Name a folder that holds a case.json; docs/cases.md describes its layout.",
    )


def cases_in(folder: Path) -> list[Path]:
    """Return the cases of a folder and of those below it: each a path that `load_case` takes, sorted."""
    if (folder / "case.json").is_file() or layouts_alerts.listed(folder):
        return [folder]
    lists = [each.parent for each in folder.rglob(layouts_alerts.ALERTS)]
    many = [each / name for each in lists for name in layouts_alerts.names(each)]
    return sorted([*(each.parent for each in folder.rglob("case.json")), *many])


def described(folder: Path) -> dict[str, Any]:
    """Return what case.json says; where a benchmark leaves out windows and alert, what its files say of them.

    Raises:
        NotFound: there is no such case.
        BadInput: its description cannot be read.
    """
    path = source_of(folder)
    if path.name != "case.json":
        return layouts_alerts.described(folder)
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path} cannot be read as JSON: {error}.", next_step="Restore the file, or record the case again."
        ) from error
    if not isinstance(payload, dict):
        raise BadInput(f"{path} is not a JSON object.", next_step="Compare it with docs/cases.md.")
    return layouts_kubernetes.described(folder, payload)


def read(folder: Path, modality: Modality, payload: Mapping[str, Any], name: str = "") -> Recorded:
    """Return that kind of telemetry of the case; `name` is that of its file, where it is not the kind's own.

    Raises:
        NotFound: the file that case.json names is gone.
        BadInput: the file is corrupt, or of no layout that is known.
    """
    path = folder / str(payload["files"][name or modality.value][0])
    raw = frame(path)
    for knows, convert in LAYOUTS:
        if knows(modality, set(raw.columns)):
            try:
                return typed(convert(raw, modality, folder, payload), modality)
            except (KeyError, TypeError, ValueError) as error:
                raise broken(path, f"{type(error).__name__}: {error}") from error
    raise BadInput(
        f"{path} has the columns {', '.join(map(str, list(raw.columns)[:6]))}, which no known layout has.",
        next_step=f"Record {modality.value} in the columns {', '.join(COLUMNS[modality])} (docs/cases.md).",
    )


def calls(folder: Path, payload: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return who calls whom, by name, from the case's own list; empty where it has none or it cannot be read."""
    files = payload.get("files", {})
    listed = payload.get("topology") or (files.get("topology") or [""])[0]
    if not listed:
        return layouts_kubernetes.calls(folder, payload)
    if not (folder / str(listed)).exists():
        return ()
    table = frame(folder / str(listed))
    if "case_id" in table.columns:
        table = table[table["case_id"] == payload["case_id"]]
    ends = next((each for each in ENDS if set(each) <= set(table.columns)), None)
    if ends is None:
        raise BadInput(f"{folder / str(listed)} names no callers.", next_step="Give it columns caller, callee.")
    pairs = table[list(ends)].dropna().astype(str).itertuples(index=False, name=None)
    return tuple(dict.fromkeys((service_of(a), service_of(b)) for a, b in pairs))


ENDS = (("caller", "callee"), ("source", "target"), ("src", "dst"))
"""What the two columns of a list of calls are called."""
