"""A snapshot of a cluster: what kubectl and other read-only tools printed, log lines, a few minutes of measures.

Files: `k8s.parquet` (`command, output`), `tools.parquet` (`tool, args, output`), `alerts.json`, `issue.json`,
`logs.parquet` (`service, n, message`), `metrics.parquet` (`time`, `<service>-<metric>`). What kubectl printed is read
by `kubectl`, into the words of the live source. A snapshot has no history: its window is the time before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd

from ontology.nouns import Window, utc
from workbench.nouns import Modality
from workbench.telemetry.layouts import COLUMNS, Recorded, frame, long, service_of
from workbench.telemetry.layouts_alerts import NOWHEN
from workbench.telemetry.log_lines import said

SNAPSHOT = timedelta(minutes=15)
"""How far before a snapshot its window reaches, where no alert says since when."""
WORDS = {"starts_at": "startsAt", "ends_at": "endsAt"}
"""What a finding calls what an alert calls otherwise."""
_ZONED = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d ([+-])(\d\d)(\d\d)")
_NOTICE = re.compile(r"^Error: (?:error: container|Defaulted container|Error from server)")
"""kubectl that speaks of a log instead of showing it."""
MEASURES: Mapping[str, tuple[str, float]] = {
    "cpu": ("cpu_cores", 1.0),
    "mem": ("memory_bytes", 1.0),
    "cpu_cfs": ("cpu_throttled_seconds", 1.0),
    "rps": ("requests_per_second", 1.0),
    "network_receive": ("network_receive_rate", 1.0),
    "network_transmit": ("network_transmit_rate", 1.0),
    "tcp_retans": ("tcp_retransmissions", 1.0),
    **{f"p{n}latency": (f"latency_p{n}_seconds", 0.001) for n in (50, 90, 95, 99)},
}
"""A column's ending, our name for it, and the factor to our unit; other endings stay as they are."""


def described(folder: Path, payload: dict[str, Any]) -> dict[str, Any]:
    """Return what case.json says, with windows, alert and kinds of telemetry, where it is one of a snapshot."""
    files = payload.get("files", {})
    if "window_abnormal" in payload or not {"k8s", "tools"} & set(files):
        return payload
    found = _snapshot(folder, payload) if "k8s" in files else _issue(folder, payload)
    kinds = {"state": files.get("k8s") or files["tools"], "logs": files.get("logs") or files.get("tools")}
    known = {name: listed for name, listed in kinds.items() if listed and not (name == "logs" and "k8s" not in files)}
    return {**payload, **found, "files": {**files, **known}}


def _snapshot(folder: Path, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return windows and labels: the alerts say since when; what was measured before them is normal."""
    zone, alerts = _zone(folder, payload), _alerts(folder, payload)
    taken = _local(payload["collected"], zone)
    begun = [_local(each["time_range"].split(" ~ ")[0], zone) for each in alerts if each.get("time_range")]
    start = min(begun, default=taken - SNAPSHOT)
    entry = next((str(each[key]) for each in alerts for key in ("entry_service", "name") if _names(each, key)), "")
    spans: dict[str, Any] = {"window_abnormal": [start.isoformat(), taken.isoformat()]}
    if "metrics" in payload["files"]:
        first = _local(str(frame(folder / "metrics.parquet")["time"].iloc[0]), zone)
        spans |= {"window_normal": [first.isoformat(), start.isoformat()]} if first < start else {}
    named = {"Namespace": [str(payload["namespace"])]} if payload.get("namespace") else {}
    return {**spans, "labels": {"service": entry} if entry else {}, "entities": named, "from_state": True}


def _names(alert: Mapping[str, Any], key: str) -> bool:
    """Say whether a key of an alert names a service."""
    given = str(alert.get(key) or "")
    return bool(re.fullmatch(r"[\w.-]+", given)) and (key != "name" or alert.get("type") == "Service")


def _issue(folder: Path, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alert that a collection of tool outputs starts from, where there is one; else a window of no time."""
    path = folder / "issue.json"
    issue = _object(path.read_text(encoding="utf-8")) if path.is_file() else {}
    raw = issue.get("raw") or {WORDS.get(key, key): value for key, value in issue.items()}
    if not raw.get("startsAt"):
        end = (utc(NOWHEN) + SNAPSHOT).isoformat()
        return {"window_abnormal": [NOWHEN, end], "from_state": True, "note": "No time was recorded."}
    began = utc(str(raw["startsAt"]).replace(" ", "T"))
    ended = utc(str(raw["endsAt"]).replace(" ", "T")) if raw.get("endsAt") else began
    subject = {"service": str(issue["subject_name"])} if issue.get("subject_name") else {}
    labels = {"alertname": str(issue.get("title") or payload["summary"]), **subject, **(raw.get("labels") or {})}
    alert = {"labels": labels, "annotations": raw.get("annotations") or {}, "startsAt": began.isoformat()}
    alert |= {key: raw[key] for key in ("generatorURL", "fingerprint") if raw.get(key)}
    window = [(began - SNAPSHOT).isoformat(), max(began, ended).isoformat()]
    return {"alert": alert, "window_abnormal": window, "from_state": True}


def _zone(folder: Path, payload: Mapping[str, Any]) -> timezone:
    """Return the zone that the cluster's own words carry: what has none was written by the same clock."""
    for output in frame(folder / str(payload["files"]["k8s"][0]))["output"].astype(str):
        if found := _ZONED.search(output):
            offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
            return timezone(-offset if found[1] == "-" else offset)
    return UTC


def _local(text: str, zone: timezone) -> datetime:
    at = datetime.fromisoformat(text)
    return utc(at if at.tzinfo else at.replace(tzinfo=zone))


def _alerts(folder: Path, payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(_json(folder, payload).get("alerts") or ())


def _json(folder: Path, payload: Mapping[str, Any]) -> dict[str, Any]:
    listed = payload["files"].get("alerts")
    said = json.loads((folder / str(listed[0])).read_text(encoding="utf-8")) if listed else {}
    return said if isinstance(said, dict) else {}


def _tools(folder: Path, payload: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    listed = payload["files"].get("tools")
    if not listed:
        return []
    table = frame(folder / str(listed[0]))[["tool", "args", "output"]].fillna("").astype(str)
    return list(table.itertuples(index=False, name=None))


def snapshot(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """Return the rows of state of what kubectl and the other tools printed."""
    from workbench.telemetry import kubectl  # late: it reads by way of the live source, which knows these layouts

    commands = raw[["command", "output"]].fillna("").astype(str).itertuples(index=False, name=None)
    window = Window.of(*payload["window_abnormal"])
    rows = kubectl.snapshot(commands, _tools(folder, payload), _json(folder, payload), window)
    return Recorded(pd.DataFrame(rows, columns=list(COLUMNS[Modality.STATE])))


def calls(folder: Path, payload: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return caller and callee as a tool of the snapshot draws them; empty where there is none."""
    if "k8s" not in payload.get("files", {}):
        return ()
    from workbench.telemetry import kubectl

    return tuple(kubectl.calls(_tools(folder, payload)))


def outputs(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """Return what tools printed: as state, kind `tool`; as logs, the error lines that they show."""
    window = Window.of(*payload["window_abnormal"])
    rows: list[Any]
    if modality is Modality.LOGS:
        from workbench.telemetry import kubectl

        rows = kubectl.error_lines(_tools(folder, payload), window.end)
    else:
        rows = [(window.end, *_output(*each)) for each in _tools(folder, payload)]
    return Recorded(pd.DataFrame(rows, columns=list(COLUMNS[modality])))


def _output(tool: str, arguments: str, output: str) -> tuple[str, str, str, str]:
    """Return entity, kind, field and value of one output: about whom its arguments name, the words alone."""
    head, _, rest = output.partition("\n")  # some tools put a line of JSON about the answer before it
    asked, about = _object(arguments), _object(head)
    words = next((str(about[key]) for key in ("data", "error") if about.get(key)), rest) if about else output
    name = next((str(asked[key]) for key in ("pod_name", "name", "resource_name", "app") if asked.get(key)), "")
    field = " ".join([tool, *(f"{key}={value}" for key, value in asked.items())])
    return service_of(name), "tool", field, words.strip() or output


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def lines(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """Return the lines of containers, and the error lines that other tools show at the moment of the snapshot."""
    from workbench.telemetry import kubectl

    taken = utc(payload["window_abnormal"][1])
    rows = [*_lines(raw, taken), *kubectl.error_lines(_tools(folder, payload), taken)]
    return Recorded(pd.DataFrame(rows, columns=list(COLUMNS[Modality.LOGS])))


def _lines(raw: pd.DataFrame, taken: datetime) -> Iterator[tuple[object, ...]]:
    """Yield the lines, each at its own time or that of the line before it, else at the moment of the snapshot."""
    for stream, group in raw.groupby("service", sort=False):
        entity, at = str(stream).partition(".")[0], taken
        for text in group.sort_values("n")["message"].astype(str):
            if not _NOTICE.match(text):
                line = said(text, taken.year)
                at = line.time or at
                yield at, entity, line.severity, line.message, line.trace


def measures(raw: pd.DataFrame, modality: Modality, folder: Path, payload: Mapping[str, Any]) -> Recorded:
    """Return `<service>-<metric>` columns as rows; times are by the cluster's clock."""
    parts = [(str(column), *str(column).rpartition("-")[::2]) for column in raw.columns if "-" in str(column)]
    zone = _zone(folder, payload) if "k8s" in payload["files"] else UTC
    times = [_local(str(at), zone) for at in raw["time"]]
    factors = {name: MEASURES.get(metric, (metric, 1.0))[1] for name, _, metric in parts}
    scaled = raw.assign(time=times, **{name: raw[name].astype(float) * factor for name, factor in factors.items()})
    return Recorded(
        long(scaled, [(name, entity, MEASURES.get(metric, (metric, 1.0))[0]) for name, entity, metric in parts])
    )
