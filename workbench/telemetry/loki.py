"""Loki: log lines over a window, by its HTTP API.

    LokiSource("http://localhost:3100").ask(Question(Modality.LOGS, window, about=(payment,)))

Without `what`, every line of the entities; with it LogQL (`{app="cart"} |= "timeout"`), or a text that lines must hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

import pandas as pd

from ontology.errors import Unavailable
from ontology.nouns import Window
from workbench.nouns import Answered, Modality, Question, Reply, Silent
from workbench.telemetry.digest import digest
from workbench.telemetry.http_source import HttpSource, carrying, named, names_of, span, windows
from workbench.telemetry.layouts import COLUMNS, service_of
from workbench.telemetry.live_source import parsed
from workbench.telemetry.readonly import Allowed

LABELS = ("service_name", "service", "app", "job", "container", "pod")
"""Labels that may hold the name of an entity, the best first."""
PAGE = 5_000
"""Lines a request: the limit that a Loki has by default."""
PAGES = 4
"""Requests a window; beyond it the answer is cut off, and says so."""
STREAMS = 200
"""Values of a label that one query selects."""
LEVELS = ("detected_level", "level", "severity", "severity_text", "log_level")
_TRACE = re.compile(r"trace[_-]?id[\"']?\s*[=:]\s*[\"']?([0-9a-fA-F]{16,32})\b", re.IGNORECASE)


class LokiSource(HttpSource):
    """Answers questions on logs from a Loki."""

    name = "loki"
    modality: ClassVar[Modality] = Modality.LOGS
    reads = (Allowed("GET", "/loki/api/v1/query_range"), Allowed("GET", "/loki/api/v1/label/{name}/values"))

    def reply(self, question: Question) -> Reply:
        """Return the lines of window and baseline."""
        queries, clamped = self._queries(question)
        query = "\n".join(queries)
        if not queries:
            return Silent(f"no stream carries {', '.join(LABELS)} of {named(question)}", query=query)
        pages = [self._lines(each, window) for window in windows(question) for each in queries]
        rows = pd.DataFrame([row for lines, _ in pages for row in lines], columns=list(COLUMNS[Modality.LOGS]))
        names = names_of(question)
        rows = rows[rows["entity"].isin(names)] if names else rows
        if rows.empty:
            return Silent(f"{self.url} for {named(question)}, {span(question.window)}", query=query)
        rows["time"] = pd.to_datetime(rows["time"].astype("int64"), unit="ns", utc=True).dt.as_unit("us")
        rows = rows.sort_values("time", kind="stable", ignore_index=True)
        cut = (
            f"\nOnly the first {PAGE * PAGES:,} lines of a window were read." if any(more for _, more in pages) else ""
        )
        return Answered(
            digest(rows, question) + cut + clamped, rows, query=query, link=self._link(queries[0], question.window)
        )

    def _queries(self, question: Question) -> tuple[tuple[str, ...], str]:
        """Return LogQL, a selector for each label that has a name, with the text to look for, and what is clamped."""
        what = question.what.strip()
        if what.startswith("{"):
            return (what,), ""
        holds = f" |= {json.dumps(what)}" if what else ""
        chosen = self._selected(question)
        left = sum(max(0, len(values) - STREAMS) for values in chosen.values())
        said = f"\nOnly {STREAMS} values of a label were asked for; {left} were left out." if left else ""
        kept = {label: values[:STREAMS] for label, values in chosen.items()}
        return tuple(f"{{{label}=~{_matcher(values)}}}{holds}" for label, values in kept.items()), said

    def _selected(self, question: Question) -> Mapping[str, Sequence[str]]:
        """Return label and values: each name by the first label that has it; all values where no name is given."""
        left, chosen = set(names_of(question)), dict[str, Sequence[str]]()
        for label in LABELS:
            values = self._values(label, question.window)
            if not question.about:
                if values:
                    return {label: values}
                continue
            if found := carrying(values, frozenset(left)):
                chosen[label] = found
                left -= {*found, *map(service_of, found)}
            if not left:
                break
        return chosen

    def _values(self, label: str, window: Window) -> list[str]:
        answer = self.get(f"/loki/api/v1/label/{label}/values", _between(window))
        data = answer.get("data") or []  # left out where there is none
        if answer.get("status") != "success" or not isinstance(data, list):
            raise self.foreign()
        return [str(each) for each in data]

    def _lines(self, query: str, window: Window) -> tuple[list[tuple[object, ...]], bool]:
        """Return the rows of a window, earliest first, and whether there are more than were read."""
        rows: list[tuple[object, ...]] = []
        asked = {"query": query, "limit": str(PAGE), "direction": "forward", **_between(window)}
        last: set[tuple[object, ...]] = set()
        for _ in range(PAGES):
            lines = parsed(self.name, _rows(self.get("/loki/api/v1/query_range", asked)))
            found = sorted(lines, key=lambda row: int(str(row[0])))
            rows += [row for row in found if row not in last]
            if len(found) < PAGE:
                return rows, False
            # A page begins with the last moment of the one before, since lines may share it.
            asked["start"] = str(found[-1][0])
            last = {row for row in found if row[0] == found[-1][0]}
        return rows, True

    def _link(self, query: str, window: Window) -> str:
        """Return the request itself: Loki has no page of its own, Grafana's depends on its data source."""
        return f"{self.url}/loki/api/v1/query_range?{urlencode({'query': query, **_between(window)})}"


def _between(window: Window) -> dict[str, str]:
    """Return start and end in nanoseconds; Loki leaves out the end itself."""
    return {name: str(int(at.timestamp() * 1e6) * 1000) for name, at in (("start", window.start), ("end", window.end))}


def _rows(answer: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """Yield time (nanoseconds), entity, severity, message and trace id of every line.

    Raises:
        Unavailable: the answer holds no streams, as that of a metric query.
    """
    data = answer.get("data")
    if not isinstance(data, dict) or data.get("resultType") != "streams":
        raise Unavailable("Loki answers with numbers instead of lines.", next_step='Ask for lines: {app="cart"}.')
    for stream in data.get("result") or ():
        labels = stream.get("stream") or {}
        for at, line, *more in stream.get("values") or ():
            said = {**labels, **_flat(more[0] if more else {})}
            entity = service_of(next((labels[name] for name in LABELS if labels.get(name)), ""))
            level = next((str(said[name]) for name in LEVELS if said.get(name)), "")
            trace = said.get("trace_id") or said.get("traceid") or (found[1] if (found := _TRACE.search(line)) else "")
            yield (at, entity, "" if level == "unknown" else level.lower(), line, str(trace))


def _flat(metadata: object) -> dict[str, str]:
    """Return structured metadata, which newer versions send in groups."""
    if not isinstance(metadata, dict):
        return {}
    groups = [value for value in metadata.values() if isinstance(value, dict)]
    return {key: value for each in (metadata, *groups) for key, value in each.items() if isinstance(value, str)}


def _matcher(values: Sequence[str]) -> str:
    """Return a LogQL string of a regular expression that matches exactly these values."""
    return json.dumps("|".join(re.escape(value) for value in sorted(set(values))))
