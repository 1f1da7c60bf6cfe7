"""A Prometheus of our own, from the tables of a case: as much of its API as the sources ask.

    with metrics(tables["metrics"]) as server:
        PrometheusSource(server.url).ask(question)

It knows the queries of the catalogue, not PromQL: any other has no series.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.telemetry.prometheus import CATALOGUE
from workbench.testing.vendors import VendorServer

LOOKBACK_SECONDS = 300.0


def metrics(table: pd.DataFrame) -> VendorServer:
    """Return a Prometheus that holds these series, by the label `service`; metadata and an exemplar for each."""
    known = {name: _pattern(promql) for name, promql in CATALOGUE.items()}
    series = {(str(e), str(m)): rows for (e, m), rows in table.sort_values("time").groupby(["entity", "metric"])}

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if label := re.fullmatch(r"/api/v1/label/(\w+)/values", path):
            return _said(sorted(table["entity"].unique()) if label[1] == "service" else [])
        if path == "/api/v1/metadata":
            names = table["metric"].unique()
            return _said({each: [{"type": "gauge", "help": f"What {each} is.", "unit": ""}] for each in names})
        if path == "/api/v1/query_exemplars":
            return _said([_exemplar(name, rows) for (name, _), rows in series.items()])
        if path != "/api/v1/query_range":
            return None
        found = ((name, match) for name, each in known.items() if (match := each.fullmatch(parameters["query"])))
        metric, match = next(found, ("", None))
        if match is None:
            return _said({"resultType": "matrix", "result": []})
        result = [
            {"metric": {"service": entity}, "values": values}
            for (entity, name), rows in series.items()
            if name == metric and _selects(match[1], entity) and (values := _values(rows, parameters))
        ]
        return _said({"resultType": "matrix", "result": result})

    return VendorServer(answer)


def _said(data: object) -> dict[str, object]:
    return {"status": "success", "data": data}


def _pattern(promql: str) -> re.Pattern[str]:
    """Return what a query of the catalogue looks like once its places are filled; the first group is the selector."""
    text = re.escape(promql).replace("@L", "service").replace("@R", r"\d+s")
    return re.compile(text.replace("@S", r'(service[^,{}]*")', 1).replace("@S", r'service[^,{}]*"'))


def _selects(selector: str, entity: str) -> bool:
    names = re.fullmatch(r'service=~"([^"]*)"', selector)
    return names is None or re.fullmatch(names[1].replace("\\\\", "\\"), entity) is not None


def _values(rows: pd.DataFrame, parameters: Mapping[str, str]) -> list[list[object]]:
    """Return the value at each step: the latest before it, not older than the look-back."""
    start, end, step = (float(parameters[name]) for name in ("start", "end", "step"))
    at = np.arange(start, end + 1e-9, step)
    times = rows["time"].astype("int64").to_numpy() / 1e6
    place = np.searchsorted(times, at + 1e-6, side="right") - 1
    fresh = (place >= 0) & (at - times[np.maximum(place, 0)] < min(LOOKBACK_SECONDS, 2 * step + 5))
    values = rows["value"].to_numpy()
    return [[float(when), repr(float(values[i]))] for when, i, good in zip(at, place, fresh, strict=True) if good]


def _exemplar(entity: str, rows: pd.DataFrame) -> dict[str, Any]:
    place = int(rows["value"].to_numpy().argmax())
    at, metric = rows["time"].iloc[place], rows["metric"].iloc[place]
    value = str(rows["value"].iloc[place])
    one = {"labels": {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}, "value": value, "timestamp": at.timestamp()}
    return {"seriesLabels": {"__name__": f"{metric}_bucket", "service": entity}, "exemplars": [one]}


def alerts(state: pd.DataFrame) -> VendorServer:
    """Return a Prometheus in which each row is an alert that fires since its time, by a rule of its own."""
    rules = [
        {
            "type": "alerting",
            "name": row["field"],
            "query": f"broken{{service={row['entity']!r}}} > 0",
            "duration": 60,
            "labels": {"severity": "page"},
            "annotations": {"summary": f"{{{{ $labels.service }}}}: {row['value']}"},
            "health": "ok",
            "lastEvaluation": row["time"].isoformat(),
        }
        for row in state.to_dict("records")
    ]

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if path == "/api/v1/rules":
            return _said({"groups": [{"name": "shop", "file": "rules.yml", "interval": 15, "rules": rules}]})
        if path != "/api/v1/query_range":
            return None
        found = (_firing(row, parameters) for row in state.to_dict("records"))
        return _said({"resultType": "matrix", "result": [each for each in found if each["values"]]})

    return VendorServer(answer)


def _firing(row: Mapping[Any, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    start, end, step = (float(parameters[name]) for name in ("start", "end", "step"))
    began, over = row["time"].timestamp(), row["time"].timestamp() + 3600
    labels = {"__name__": "ALERTS", "alertname": row["field"], "alertstate": "firing", "service": row["entity"]}
    times = [float(at) for at in np.arange(start, end + 1e-9, step) if began <= at <= over]
    return {"metric": {**labels, "severity": "page"}, "values": [[at, "1"] for at in times]}
