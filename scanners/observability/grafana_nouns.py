"""Dashboards, alert rules and data sources as Grafana writes them, in files and in its API. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scanners.bounded import Document
from scanners.documents import mappings, pairs, rows, text
from scanners.observability.alert_rules import Rule
from scanners.observability.promql import Query, logql, promql, searched
from scanners.references import LIKELY

_PROMETHEUS = frozenset(
    {"prometheus", "grafana-amazonprometheus-datasource", "victoriametrics-metrics-datasource", "mimir"}
)
_ASIDE = frozenset({"templating", "annotations", "links", "fieldConfig", "options"})
"""Parts of a dashboard that hold no query of a panel."""
_QUERIES = ("query", "queryText", "rawQuery", "rawSql", "lucene", "expression")
_INSIDE = frozenset({"__expr__", "-100", "-- Mixed --", "-- Dashboard --", "-- Grafana --", "grafana"})
"""Data sources that are Grafana itself."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard, and what its panels ask."""

    uid: str
    title: str
    queries: tuple[tuple[str, Query], ...]
    """Each query as written, and what it names."""
    tags: tuple[str, ...] = ()
    folder: str = ""
    url: str = ""
    evidence: str = ""
    services: tuple[str, ...] = ()
    """What the options of a variable name: the services that it can be turned to."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where Grafana reads from."""

    uid: str
    name: str
    type: str
    url: str
    evidence: str = ""


def is_dashboard(content: Any) -> bool:
    """Say whether a document is a dashboard, old or new."""
    if not isinstance(content, dict) or "title" not in content:
        return False
    held = any(isinstance(content.get(key), list) for key in ("panels", "rows")) or "elements" in content
    return held and bool({"schemaVersion", "uid", "templating", "timepicker", "elements", "layout"} & content.keys())


def dashboard(
    content: Mapping[str, Any], types: Mapping[str, str], *, folder: str = "", url: str = "", evidence: str = ""
) -> Dashboard:
    """Return a dashboard.

    Args:
        content: its JSON.
        types: data source, by uid and by name, to its type.
        folder: title of its folder.
        url: where to open it.
        evidence: where it stands.
    """
    values, services = variables(content)
    tags = content.get("tags")
    return Dashboard(
        text(content.get("uid")),
        text(content.get("title")),
        tuple(queries({key: part for key, part in content.items() if key not in _ASIDE}, values, types)),
        tuple(text(tag) for tag in tags) if isinstance(tags, list) else (),
        folder,
        url,
        evidence,
        services,
    )


def variables(content: Mapping[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the variables whose value is fixed, and the services that a variable's written options name.

    The value that a query variable last had is only what somebody last looked at, and left out.
    """
    templating = content.get("templating")
    values: dict[str, str] = {}
    services: list[str] = []
    for each in rows(templating.get("list") if isinstance(templating, dict) else None):
        name, kind = text(each.get("name")), text(each.get("type"))
        if kind == "constant":
            values[name] = text(each.get("query"))
        elif kind == "custom" and name.lower() in ("service", "service_name", "svc"):
            options = (part.split(" : ")[-1].strip() for part in text(each.get("query")).split(","))
            services += [option for option in options if option and option.replace("-", "").replace("_", "").isalnum()]
    return values, tuple(dict.fromkeys(services))


def queries(content: Any, values: Mapping[str, str], types: Mapping[str, str]) -> Iterator[tuple[str, Query]]:
    """Yield the queries of panels, whatever the schema: a `target` of a panel, a query of the newer layout."""
    sources: dict[int, Any] = {}
    for part in mappings(content, without=_ASIDE):
        for target in rows(part.get("targets")):
            sources[id(target)] = target.get("datasource") or part.get("datasource")
        if "refId" in part or "expr" in part:
            found = query(part, _type(sources.get(id(part)) or part.get("datasource"), types), values)
            if found is not None:
                yield found


def query(target: Mapping[str, Any], kind: str, values: Mapping[str, str]) -> tuple[str, Query] | None:
    """Return one query as written and what it names; None where there is none."""
    expression = text(target.get("expr"))
    if expression and (
        kind == "loki" or (kind not in _PROMETHEUS and "|" in expression and expression.startswith("{"))
    ):
        return expression, logql(expression, values)
    if expression:
        return expression, promql(expression, values)
    if kind == "jaeger" or target.get("queryType") == "search":
        service = text(target.get("service"))
        plain = bool(service) and "$" not in service
        return (service, Query((), ((service, LIKELY),))) if plain else None
    written = next((text(target[key]) for key in _QUERIES if text(target.get(key))), "")
    return (written, searched(written, values)) if written and not kind.startswith("__") else None


def _type(source: Any, types: Mapping[str, str]) -> str:
    """Return the type of a data source, given as object, uid or name."""
    if isinstance(source, dict):
        return text(source.get("type")) or types.get(text(source.get("uid")), "")
    return types.get(text(source), "")


def alert_rules(document: Document, types: Mapping[str, str]) -> Iterator[Rule]:
    """Yield the rules of a provisioning file."""
    content = document.content
    for number, group in enumerate(rows(content.get("groups")) if isinstance(content, dict) else []):
        for index, each in enumerate(rows(group.get("rules"))):
            where = document.at(f"groups/{number}/rules/{index}")
            found = alert_rule(each, text(group.get("name")), text(group.get("folder")), types, where)
            if found is not None:
                yield found


def alert_rule(
    each: Mapping[str, Any], group: str, folder: str, types: Mapping[str, str], evidence: str
) -> Rule | None:
    """Return a rule of Grafana, from a file or its API; None for what has no data or no title."""
    title, uid = text(each.get("title")), text(each.get("uid"))
    found: list[tuple[str, Query]] = []
    for part in rows(each.get("data")):
        source, model = text(part.get("datasourceUid")), part.get("model")
        if source not in _INSIDE and isinstance(model, dict):
            asked = query(model, _type(model.get("datasource") or source, types), {})
            found += [asked] if asked is not None else []
    if not title or not isinstance(each.get("data"), list):
        return None
    return Rule(
        title,
        group,
        tuple(found),
        pairs(each.get("labels")),
        pairs(each.get("annotations")),
        text(each.get("for")),
        identity=("grafana", uid) if uid else ("grafana", folder, group, title),
        folder=folder,
        state="paused" if each.get("isPaused") is True else "",
        evidence=evidence,
    )


def data_sources(document: Document) -> Iterator[DataSource]:
    """Yield the data sources of a provisioning file."""
    content = document.content
    for index, each in enumerate(rows(content.get("datasources")) if isinstance(content, dict) else []):
        where = document.at(f"datasources/{index}/url")
        yield data_source(each, where)


def data_source(each: Mapping[str, Any], evidence: str = "") -> DataSource:
    """Return a data source, from a file or the API."""
    uid, name, kind, url = (text(each.get(key)) for key in ("uid", "name", "type", "url"))
    return DataSource(uid, name, kind, url, evidence)


def types_of(sources: tuple[DataSource, ...]) -> dict[str, str]:
    """Return uid and name of data sources to their type."""
    return {key: each.type for each in sources for key in (each.uid, each.name) if key}
