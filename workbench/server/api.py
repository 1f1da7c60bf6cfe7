"""The JSON API that the panel reads, its description, and the workbench's own metrics; all behind Jupyter's login."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado.web import HTTPError, authenticated

from ontology.errors import PersonError
from workbench.server.backend import Desk
from workbench.server.refusal import refuse

MOST_DAYS = 3660


@cache
def described() -> dict[str, Any]:
    """Return the OpenAPI description of all that the server answers."""
    found: dict[str, Any] = json.loads(files("workbench.server").joinpath("openapi.json").read_text("utf-8"))
    return found


class _Api(APIHandler):
    """Answers with JSON that no cache keeps."""

    def initialize(self, desk: Desk) -> None:
        """Take the desk."""
        self.desk = desk

    def answer(self, body: dict[str, Any]) -> None:
        """Send it."""
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(body))


class Status(_Api):
    """`GET /workbench/api/status`: open incidents, what waits for a person, scans, budgets."""

    @authenticated
    async def get(self) -> None:
        """Look, off the server's thread."""
        try:
            self.answer(await self.desk.look(lambda backend: backend.status()))
        except PersonError as error:
            raise refuse(error) from error


class Usage(_Api):
    """`GET /workbench/api/usage?days=30`: what was spent, by day, route and kind."""

    @authenticated
    async def get(self) -> None:
        """Look, off the server's thread."""
        said = self.get_query_argument("days", "30")
        if not (said.isascii() and said.isdigit() and 1 <= int(said[:6]) <= MOST_DAYS):
            raise HTTPError(400, f"days is a number from 1 to {MOST_DAYS}")
        try:
            self.answer(await self.desk.look(lambda backend: backend.usage(int(said))))
        except PersonError as error:
            raise refuse(error) from error


class Description(_Api):
    """`GET /workbench/api/openapi.json`: the description of this API."""

    @authenticated
    async def get(self) -> None:
        """Send the description as it ships."""
        self.answer(described())


class Metrics(JupyterHandler):
    """`GET /workbench/metrics`: the workbench's own metrics, for Prometheus, behind the login as Jupyter's own."""

    def initialize(self, desk: Desk) -> None:
        """Take the desk."""
        self.desk = desk

    @authenticated
    async def get(self) -> None:
        """Make the metrics of what stands now."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        try:
            known = await self.desk.look(lambda backend: backend.status())
        except PersonError as error:
            raise refuse(error) from error
        registry = CollectorRegistry()
        registry.register(_Collector(known))
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(registry))


class _Collector:
    """What stands, as gauges."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = known

    def collect(self) -> Iterator[Any]:
        """Yield the families of metrics."""
        from prometheus_client.core import GaugeMetricFamily

        known = self._known
        queue = GaugeMetricFamily("workbench_alerts", "Alerts by their state in the queue.", labels=["state"])
        for state, count in known["counts"].items():
            queue.add_metric([state], count)
        yield queue
        states = [each["state"] for each in known["incidents"]]
        yield _family("workbench_incidents_open", "Open incidents by state; at most 100 are counted.", "state", states)
        kinds = [each["kind"] for each in known["review"]]
        yield _family("workbench_review_waiting", "What waits for a person's word, by kind.", "kind", kinds)
        yield _family(
            "workbench_sources", "Scanned sources by state.", "state", [each["state"] for each in known["scans"]]
        )
        spent = GaugeMetricFamily("workbench_spent_dollars", "Spent in US dollars.", labels=["period"])
        cap = GaugeMetricFamily(
            "workbench_budget_dollars", "Cap in US dollars; 0 where none is set.", labels=["period"]
        )
        for purse in known["purses"]:
            spent.add_metric([purse["name"]], purse["used"])
            cap.add_metric([purse["name"]], purse["cap"])
        yield from (spent, cap)


def _family(name: str, words: str, label: str, values: list[str]) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    made = GaugeMetricFamily(name, words, labels=[label])
    for value in sorted(set(values)):
        made.add_metric([value], values.count(value))
    return made
