"""Elasticsearch and OpenSearch: log lines over a window, by their search API.

    ElasticsearchSource("http://localhost:9200", index="logs-*").ask(Question(Modality.LOGS, window, about=(payment,)))

Without `what`, every line of the entities; with it a phrase that lines must hold, or a query of their own Query DSL
(`{"term": {"log.level": "error"}}`). A search is a POST with a body: the one path of the configured index is listed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from ontology.errors import BadInput, Unavailable
from ontology.nouns import Window
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import Row, names_of, parsed, replied, windows
from workbench.telemetry.pace import Pace
from workbench.telemetry.readonly import Allowed, ReadOnlySession

INDEX = "logs-*"
"""Where the vendors' own shippers and OpenTelemetry put logs."""
SERVICE = (
    "service.name",
    "resource.attributes.service.name",
    "serviceName",
    "kubernetes.deployment.name",
    "kubernetes.container.name",
    "container.name",
)
"""Fields that may hold the name of an entity, the best first: ECS, OpenTelemetry, Data Prepper, Beats."""
LEVEL = ("log.level", "severity_text", "severityText", "severity.text", "level")
MESSAGE = ("message", "body.text", "body", "event.original", "log")
TRACE = ("trace.id", "trace_id", "traceId", "traceID")
PAGE = 5_000
"""Lines a request; the servers' own limit is 10,000."""
PAGES = 4
"""Requests a window; beyond it the answer is cut off, and says so."""
TIMEOUT = "10s"
"""After which the server itself gives up a search."""
_NAME = re.compile(r"[A-Za-z0-9.*][\w.*:,+-]*")


class ElasticsearchSource(HttpSource):
    """Answers questions on logs from an Elasticsearch or an OpenSearch."""

    name = "elasticsearch"
    modality: ClassVar[Modality] = Modality.LOGS
    reads = (Allowed("POST", "/{index}/_search"),)

    def __init__(
        self,
        url: str,
        *,
        index: str = INDEX,
        session: ReadOnlySession | None = None,
        headers: dict[str, str] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Bind to the API at `url`, and to one index, pattern or list of them.

        Raises:
            BadInput: `url` is no http(s) address, or `index` no name of an index.
        """
        if not _NAME.fullmatch(index):
            raise BadInput(f"{index!r} is no name of an index.", next_step="Write it as logs-* or app-logs,web-logs.")
        self._path = f"/{index}/_search"
        self.reads = (Allowed("POST", self._path),)
        super().__init__(url, session=session, headers=headers, pace=pace)

    def reply(self, question: Question) -> Reply:
        """Return the lines of window and baseline."""
        first = _body(question, question.window)
        rows, remarks = dict[object, Row](), dict[str, None]()
        for window in windows(question):
            found, said = self._lines(question, window)
            rows |= found
            remarks |= dict.fromkeys(said)
        link = f"{self.url}{self._path}?{urlencode({'q': _lucene(question), 'sort': '@timestamp'})}"
        query = f"POST {self._path} {json.dumps(first, ensure_ascii=False)}"
        searched = f"{self.url}{self._path}"
        return replied(rows.values(), question, searched=searched, query=query, link=link, remark=" ".join(remarks))

    def _lines(self, question: Question, window: Window) -> tuple[dict[object, Row], list[str]]:
        """Return the rows of a window by document, earliest first, and what the reader must know of them."""
        rows: dict[object, Row] = {}
        body, remarks, after = _body(question, window), list[str](), None
        for _ in range(PAGES):
            answer = self.post(self._path, {**body, **({} if after is None else {"search_after": [after]})})
            hits = _hits(answer)
            remarks += _partly(answer)
            known = len(rows)
            rows |= {(each[0], each[1]): each[2:] for each in parsed(self.name, map(_row, hits))}
            if len(hits) < PAGE:
                return rows, remarks
            if len(rows) == known:
                break
            # A page begins with the last moment of the one before, since lines may share it.
            after = int(hits[-1]["sort"][0]) - 1
        return rows, [*remarks, f"Only {len(rows):,} lines of a window were read."]


def _body(question: Question, window: Window) -> dict[str, Any]:
    """Return the body of a search: a filter on time and names, sorted by time in nanoseconds."""
    times = {"gte": window.start.isoformat(), "lte": window.end.isoformat(), "format": "strict_date_optional_time"}
    filters: list[dict[str, Any]] = [{"range": {"@timestamp": times}}]
    names = sorted(names_of(question))
    if names:
        fields = [each + end for each in SERVICE for end in ("", ".keyword")]
        filters.append(_any([{"terms": {field: names}} for field in fields]))
    if question.what.strip():
        filters.append(_wanted(question.what.strip()))
    return {
        "size": PAGE,
        "timeout": TIMEOUT,
        "track_total_hits": False,
        "query": {"bool": {"filter": filters}},
        "sort": [{"@timestamp": {"order": "asc", "numeric_type": "date_nanos", "unmapped_type": "date"}}],
        "_source": [*SERVICE, *LEVEL, *MESSAGE, *TRACE, "@timestamp"],
    }


def _any(queries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"bool": {"should": queries, "minimum_should_match": 1}}


def _wanted(what: str) -> dict[str, Any]:
    """Return the query for `what`: its own where it is JSON, else a phrase that the message holds.

    Raises:
        BadInput: it begins like JSON and is none, or runs a script.
    """
    if not what.startswith("{"):
        return _any([{"match_phrase": {field: what}} for field in MESSAGE])
    try:
        query: dict[str, Any] = json.loads(what)
    except ValueError as error:
        raise BadInput(
            f"The query is no JSON: {error}.", next_step='Write {"term": {"log.level": "error"}}.'
        ) from error
    if _scripted(query):
        raise BadInput("A search may not run a script.", next_step="Ask with term, match, range or bool.")
    return query


def _scripted(query: Any) -> bool:
    """Say whether a query runs a script anywhere."""
    if isinstance(query, dict):
        return any("script" in str(name) for name in query) or any(map(_scripted, query.values()))
    return isinstance(query, list) and any(map(_scripted, query))


def _lucene(question: Question) -> str:
    """Return the search as words for an address that a person opens."""
    names = " OR ".join(json.dumps(each) for each in sorted(names_of(question)))
    window = question.window
    times = f"@timestamp:[{window.start.isoformat()} TO {window.end.isoformat()}]"
    return f"{times} AND {SERVICE[0]}:({names})" if names else times


def _hits(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the hits of an answer.

    Raises:
        Unavailable: it has none, every shard failed, or no index was looked at: that is not silence.
    """
    shards, outer = answer.get("_shards", {}), answer.get("hits")
    hits = outer.get("hits") if isinstance(outer, dict) else None
    if not isinstance(hits, list) or not isinstance(shards, dict):
        raise Unavailable("The answer is not that of a search.", next_step="Check elasticsearch_url in the settings.")
    if shards.get("total") == 0:
        raise Unavailable("No index has that name.", next_step="Set elasticsearch_index to where the logs are.")
    if shards.get("failed") and not shards.get("successful"):
        raise Unavailable(f"Every shard failed: {_why(shards)}.", next_step="Check the health of the cluster.")
    return hits


def _partly(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is missing in an answer that is not whole."""
    shards = answer.get("_shards") or {}
    if answer.get("timed_out"):
        yield f"The search was given up after {TIMEOUT}: lines are missing."
    if shards.get("failed"):
        yield f"{shards['failed']} of {shards.get('total')} shards failed ({_why(shards)}): lines are missing."


def _why(shards: Mapping[str, Any]) -> str:
    reasons = ((each.get("reason") or {}).get("reason") for each in shards.get("failures") or ())
    return str(next(filter(None, reasons), "no reason given"))[:120]


def _row(hit: Mapping[str, Any]) -> Row:
    """Return index and id of a hit, then time (nanoseconds), entity, severity, message and trace id."""
    said = hit.get("_source") or {}
    words = _first(said, MESSAGE)
    return (
        hit.get("_index"),
        hit["_id"],
        int(hit["sort"][0]),
        service_of(_first(said, SERVICE)),
        _first(said, LEVEL).lower(),
        words,
        _first(said, TRACE),
    )


def _first(said: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of some fields that a document has, whether it is written nested or with dots."""
    found = (_field(said, name) for name in names)
    return next((str(each) for each in found if each and not isinstance(each, dict | list)), "")


def _field(said: Mapping[str, Any], name: str) -> Any:
    """Return a field by its path.

    >>> _field({"resource": {"attributes": {"service.name": "cart"}}}, "resource.attributes.service.name")
    'cart'
    """
    if name in said:
        return said[name]
    parts = name.split(".")
    for cut in range(1, len(parts)):
        inner = said.get(".".join(parts[:cut]))
        if isinstance(inner, dict) and (found := _field(inner, ".".join(parts[cut:]))) is not None:
            return found
    return None
