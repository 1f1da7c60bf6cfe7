"""Every source that there is, and how it is tested: what the contract suite asks, and what docs/sources.md says.

    python -m workbench.testing.contract     # the table of docs/sources.md

A new source is a line of `TESTED`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from workbench.nouns import Modality
from workbench.ports import Source
from workbench.telemetry.elasticsearch import ElasticsearchSource
from workbench.telemetry.jaeger import JaegerSource
from workbench.telemetry.loki import LokiSource
from workbench.telemetry.tempo import TempoSource
from workbench.testing import vendors

OURS = "server of our own, in the vendor's documented shapes"
SINCE = "2026-11-23"


class Place(Protocol):
    """Where a double can be reached."""

    @property
    def url(self) -> str:
        """Its address, or the path of its files."""
        ...


@dataclass(frozen=True, slots=True)
class Tested:
    """A source, how one is made, and what it is tested against."""

    name: str
    """Unique, for the contract suite."""
    system: str
    modality: Modality
    setting: str
    """Field of the settings that sets it up."""
    make: Callable[[str], Source]
    """From the address of the double, or the path of its files."""
    double: Callable[[pd.DataFrame], AbstractContextManager[Place]]
    """Holds the rows of a table of the modality, and answers as the system does."""
    how: str = OURS
    since: str = SINCE
    http: bool = True
    """Whether the source speaks HTTP, so that a server can refuse, break off and be slow."""


TESTED: tuple[Tested, ...] = (
    Tested("loki", "Grafana Loki", Modality.LOGS, "loki_url", LokiSource, vendors.loki),
    Tested(
        "elasticsearch",
        "Elasticsearch, OpenSearch",
        Modality.LOGS,
        "elasticsearch_url",
        ElasticsearchSource,
        vendors.elasticsearch,
    ),
    Tested("jaeger", "Jaeger", Modality.TRACES, "jaeger_url", JaegerSource, vendors.jaeger),
    Tested("tempo", "Grafana Tempo", Modality.TRACES, "tempo_url", TempoSource, vendors.tempo),
)
"""All sources but Prometheus and recordings, whose doubles are files and a server of the suite itself."""


def table_of_sources() -> str:
    """Return the table of docs/sources.md."""
    rows = [
        (
            "Prometheus, Thanos, Mimir, VictoriaMetrics",
            Modality.METRICS,
            "the real Prometheus",
            SINCE,
            "prometheus_url",
        ),
        *((each.system, each.modality, each.how, each.since, each.setting) for each in TESTED),
    ]
    lines = [f"| {system} | {modality} | {how} | {since} | `{name}` |" for system, modality, how, since, name in rows]
    return "\n".join(["| system | answers | tested against | since | setting |", "|---|---|---|---|---|", *lines])


if __name__ == "__main__":
    print(table_of_sources())
