"""Cases in which nothing is at fault: fault-free windows of recorded cases, as they were recorded.

    folders = quiet_cases(cases_in(Path("cases")), Path("scratch/quiet"))
    results = run([Path("scratch/quiet")])          # every one has the answer "nothing was at fault"

The fault-free rows of a case (its normal window, a normal phase, a shared history) are cut in two: the later part
stands where the incident stood, the earlier part is its baseline. No value is changed, none is made up; kinds of
telemetry that were recorded at other times are moved, each as a whole, so that their cuts fall together. The alert
stays as it was: somebody was woken for nothing.

`removed_cases` keeps the symptom: the metrics of the entity that the alert names stay as the incident had them, and
everything else is a fault-free window, as above. What would name a cause is gone, so none may be surfaced. No answer is
looked at: the alerting entity surfaced counts as false blame too, also where it was at fault itself.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from ontology.errors import PersonError
from ontology.nouns import Window
from workbench.engine.weigh import TELLING_LABELS
from workbench.nouns import Modality
from workbench.telemetry.cases import RecordedCase, load_case
from workbench.telemetry.layouts import clock_of

SHARE = 0.4
"""Most of a fault-free span that may stand as the incident."""
LONG = 4.0
"""Spans this many times longer than the incident are cut at a place of the case's own, others at their end."""
EARLIER = timedelta(days=3650)
FEWEST = 6
"""Rows without which there is nothing to cut."""
Cuts = Mapping[Modality, pd.DataFrame]
"""The rows of each kind of telemetry that a made case holds."""


def quiet_cases(folders: Iterable[Path], into: Path) -> list[Path]:
    """Write a fault-free case for every case that has fault-free metrics, and return their folders.

    Args:
        folders: of recorded cases, of any layout that is known.
        into: where the folders go, with the answers in a folder `truth` beside them.

    Raises:
        NotFound, BadInput: a folder holds no case, or one that cannot be read.
    """
    return _written(folders, into, "quiet", _cuts)


def removed_cases(folders: Iterable[Path], into: Path) -> list[Path]:
    """Write a case without evidence of a cause for every case whose alert names an entity that has metrics.

    Args, Raises: as `quiet_cases`.
    """
    return _written(folders, into, "removed", _symptom_only)


def _written(folders: Iterable[Path], into: Path, suite: str, cut: Callable[[RecordedCase], Cuts]) -> list[Path]:
    cases = map(load_case, folders)
    return [_write(case, rows, f"{case.id}-{suite}", into) for case in cases if Modality.METRICS in (rows := cut(case))]


def _cuts(case: RecordedCase) -> Cuts:
    """Return the fault-free rows of each kind that has some."""
    return {modality: rows for modality in case.recorded if (rows := _cut(case, modality)) is not None}


def _symptom_only(case: RecordedCase) -> Cuts:
    """Return the same with the metrics of the alerting entity as they were recorded; nothing where it has none."""
    cut = _cuts(case)
    quiet = cut.get(Modality.METRICS)
    if quiet is None:
        return {}
    normal = case.window_normal or Window(case.window_abnormal.start - EARLIER, case.window_abnormal.start)
    rows = case.rows(Modality.METRICS, case.window_abnormal, baseline=normal)
    known, labels = set(rows["entity"]), case.alert.labels
    name = next((labels[key] for key in TELLING_LABELS if labels.get(key) in known), None)
    if name is None:
        return {}
    own = rows[(rows["entity"] == name) & (rows["time"] <= quiet["time"].max())]
    return {**cut, Modality.METRICS: pd.concat([quiet[quiet["entity"] != name], own], ignore_index=True)}


def _write(case: RecordedCase, cut: Cuts, name: str, into: Path) -> Path:
    start = case.window_abnormal.start
    folder = into / name
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[Any]] = {}
    for modality, rows in cut.items():
        rows.to_parquet(folder / f"{modality.value}.parquet", index=False)
        files[modality.value] = [f"{modality.value}.parquet", len(rows)]
    if case.calls:
        pd.DataFrame(list(case.calls), columns=["caller", "callee"]).to_csv(folder / "calls.csv", index=False)
    end = max(rows[clock_of(rows)].max() for rows in cut.values() if len(rows))
    (folder / "case.json").write_text(json.dumps(_about(case, name, Window(start, max(end, start)), files), indent=1))
    (into / "truth").mkdir(exist_ok=True)
    answer = {"case_id": name, "root_cause": None, "fault_type": "none", "failure_mode": None}
    (into / "truth" / f"{name}.json").write_text(json.dumps(answer))
    return folder


def _about(case: RecordedCase, name: str, window: Window, files: dict[str, list[Any]]) -> dict[str, Any]:
    kept = ("dataset", "system", "summary", "environment", "target", "namespace", "sampling_s")
    about = {key: case.payload[key] for key in kept if case.payload.get(key) is not None}
    if "alert" in case.payload:  # a recorded alert has times of its own, which no longer hold
        about["target"] = {"entity": case.alert.labels.get("service", ""), "metric": "", "statistic": ""}
    return about | {
        "case_id": name,
        "window_normal": [str((window.start - timedelta(hours=6)).isoformat()), str(window.start.isoformat())],
        "window_abnormal": [window.start.isoformat(), window.end.isoformat()],
        "files": files,
        **({"topology": "calls.csv"} if case.calls else {}),
        "note": f"A fault-free window of {case.id}.",
    }


def _cut(case: RecordedCase, modality: Modality) -> pd.DataFrame | None:
    """Return the fault-free rows of that kind, moved so that their later part begins where the incident did."""
    rows = _fault_free(case, modality)
    if rows is None or len(rows) < FEWEST:
        return None
    clock = clock_of(rows)
    first, last = rows[clock].min(), rows[clock].max()
    length = min(timedelta(seconds=case.window_abnormal.seconds), SHARE * (last - first))
    long = (last - first) > LONG * length and modality is Modality.METRICS
    end = first + _place(case.id) * (last - first) if long else last
    kept: pd.DataFrame = rows[rows[clock] <= end]
    return kept.assign(**{clock: kept[clock] + (pd.Timestamp(case.window_abnormal.start) - (end - length))})


def _place(name: str) -> float:
    """Return where in a long history a case of this name is cut: 0.4 to 1, the same every time."""
    return 0.4 + 0.6 * (zlib.crc32(name.encode()) % 1000) / 1000


def _fault_free(case: RecordedCase, modality: Modality) -> pd.DataFrame | None:
    """Return what was recorded before the incident, or apart from it; None where that is nothing or unreadable."""
    just_before = case.window_abnormal.start - timedelta(microseconds=1)
    normal = case.window_normal or Window(just_before - EARLIER, just_before)
    try:
        rows = case.rows(modality, Window(just_before, just_before), baseline=normal)
    except PersonError:
        return None
    return rows if len(rows) else None
