"""A server of our own that answers as Datadog documents, from the tables of a case."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from workbench.testing.vendors import VendorServer


def metrics(held: pd.DataFrame) -> VendorServer:
    """Return a Datadog whose catalogue of duration at the 99th percentile is that of the case."""
    name = "http_server_request_duration_p99_seconds"

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if path != "/api/v1/query":
            return None
        start, end = (pd.Timestamp(int(parameters[each]), unit="s", tz="UTC") for each in ("from", "to"))
        asked = re.search(r"service IN \(([^)]*)\)", parameters["query"])
        rows = held[(held["metric"] == name) & (held["time"] >= start) & (held["time"] <= end)]
        rows = rows[rows["entity"].isin(asked[1].split(","))] if asked else rows
        series = [
            {
                "metric": "trace.http.request",
                "expression": parameters["query"],
                "scope": f"service:{entity}",
                "tag_set": [f"service:{entity}"],
                "pointlist": [[row["time"].timestamp() * 1000, row["value"]] for row in some.to_dict("records")],
            }
            for entity, some in rows.groupby("entity")
        ]
        return {"status": "ok", "res_type": "time_series", "series": series if "p99:" in parameters["query"] else []}

    return VendorServer(answer)


def logs(held: pd.DataFrame, *, most: int = 1000) -> VendorServer:
    """Return a Datadog that holds these lines."""
    return _events("/api/v2/logs/events", held, "time", "entity", _line, most)


def traces(held: pd.DataFrame, *, most: int = 1000) -> VendorServer:
    """Return a Datadog that holds these spans."""
    return _events("/api/v2/spans/events", held, "start", "service", _span, most)


def _events(
    where: str, held: pd.DataFrame, clock: str, owner: str, told: Callable[[Mapping[Any, Any]], object], most: int
) -> VendorServer:
    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if path != where:
            return None
        start, end = (pd.Timestamp(parameters[f"filter[{each}]"]) for each in ("from", "to"))
        names = re.search(r"service:\(([^)]*)\)", parameters["filter[query]"])
        rows = held[(held[clock] >= start) & (held[clock] <= end)].sort_values(clock, kind="stable")
        rows = rows[rows[owner].isin(re.findall(r'"([^"]+)"', names[1]))] if names else rows
        first, size = int(parameters.get("page[cursor]", "0")), min(int(parameters["page[limit]"]), most)
        some = rows.iloc[first : first + size].to_dict("records")
        page = {"after": str(first + size)} if first + size < len(rows) else {}
        rows_told = enumerate(some, first)
        data = [{"id": f"AQ{start.value}-{n}", "type": "event", "attributes": told(each)} for n, each in rows_told]
        return {"data": data, "meta": {"elapsed": 3, "status": "done", "page": page}}

    return VendorServer(answer)


def _line(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "timestamp": row["time"].isoformat(),
        "service": row["entity"],
        "status": row["severity"],
        "message": row["message"],
        "attributes": {"dd": {"trace_id": row["trace_id"]}},
        "tags": ["env:prod"],
    }


def _span(row: Mapping[Any, Any]) -> dict[str, Any]:
    end = row["start"] + pd.Timedelta(milliseconds=row["duration_ms"])
    failed = {"error": {"message": row["message"], "type": "Timeout"}} if row["status"] == "error" else {}
    return {
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "parent_id": row["parent_id"] or "0",
        "service": row["service"],
        "resource_name": row["operation"],
        "type": "web",
        "start_timestamp": row["start"].isoformat(),
        "end_timestamp": end.isoformat(),
        "custom": {"duration": row["duration_ms"] * 1e6, **failed},
    }


def monitors(state: pd.DataFrame) -> VendorServer:
    """Return a Datadog in which each row is a monitor that alerts since its time."""
    found = [
        {
            "id": number,
            "name": row["field"],
            "type": "metric alert",
            "tags": [f"service:{row['entity']}"],
            "overall_state": "Alert",
            "overall_state_modified": row["time"].isoformat(),
            "state": {},
        }
        for number, row in enumerate(state.to_dict("records"))
    ]
    return VendorServer(lambda path, _: found if path == "/api/v1/monitor" else None)
