"""A server of our own that answers as Honeycomb's Query Data API documents, from the tables of a case."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.telemetry.honeycomb import CATALOGUE, FAILED, SERVER, SERVICE, Measure
from workbench.testing.vendors import BODY, Page, VendorServer


def metrics(held: pd.DataFrame, *, looks: int = 1) -> VendorServer:
    """Return a Honeycomb whose spans come to the values of the catalogue.

    Args:
        held: rows of metrics.
        looks: how often a result is looked at before it is complete, the last time included.
    """
    queries, results, seen = dict[str, dict[str, Any]](), dict[str, str](), dict[str, int]()

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if re.fullmatch(r"/1/queries/[\w.-]+", path):
            made = f"q{len(queries)}"
            queries[made] = json.loads(parameters[BODY])
            return {"id": made, **queries[made]}
        if re.fullmatch(r"/1/query_results/[\w.-]+", path):
            made = f"r{len(results)}"
            results[made] = json.loads(parameters[BODY])["query_id"]
            return Page({"id": made, "complete": False}, {"Location": f"{path}/{made}"}, 201)
        found = re.fullmatch(r"/1/query_results/[\w.-]+/(r\d+)", path)
        if found is None or found[1] not in results:
            return None
        seen[found[1]] = seen.get(found[1], 0) + 1
        if seen[found[1]] < looks:
            return {"id": found[1], "complete": False}
        series = _series(held, queries[results[found[1]]])
        links = {"query_url": f"https://ui.honeycomb.io/team/environments/prod/result/{found[1]}"}
        return {"id": found[1], "complete": True, "data": {"series": series, "results": []}, "links": links}

    return VendorServer(answer)


def _series(held: pd.DataFrame, specification: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a point for each service and stretch of time, in the vendor's own units."""
    seconds, filters = specification["granularity"], specification["filters"]
    if SERVER not in filters:  # a query of one's own: it knows the catalogue alone
        return []
    asked = {(each["op"], each.get("column", "")) for each in specification["calculations"]}
    measures = {
        name: each
        for name, each in CATALOGUE.items()
        if (each.op, each.column) in asked and each.failed is (FAILED in filters)
    }
    start, end = (pd.Timestamp(specification[each], unit="s", tz="UTC") for each in ("start_time", "end_time"))
    rows = held[held["metric"].isin(measures) & (held["time"] >= start) & (held["time"] < end)]
    names = next((each["value"] for each in filters if each["column"] == SERVICE), None)
    rows = rows if names is None else rows[rows["entity"].isin(names)]
    stretch = start + (rows["time"] - start) // pd.Timedelta(seconds=seconds) * pd.Timedelta(seconds=seconds)
    return [
        {"time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "data": {SERVICE: entity, **_values(some, measures, seconds)}}
        for (at, entity), some in rows.groupby([stretch, "entity"])
    ]


def _values(rows: pd.DataFrame, measures: Mapping[str, Measure], seconds: int) -> dict[str, float]:
    means = rows.groupby("metric")["value"].mean()
    return {measures[str(name)].key: value / measures[str(name)].of(1.0, seconds) for name, value in means.items()}
