"""Traces: which service was seen to call which, and the operations each offers.

Reads a span table (parquet, columns as a `traces` question answers them) or OTLP JSON, one object or one a
line. A call is a span whose parent belongs to another service; a consumer of a queue is no callee of the
producer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ontology import iris, terms
from ontology.errors import BadInput, NotFound
from ontology.nouns import Fact, Layer
from ontology.terms import Kind
from scanners import bounded
from scanners.ledger import Ledger
from scanners.origin import scope_of
from scanners.protocol import Now, Reading, Redact, Scan, clock, run
from scanners.secrecy import without_secrets

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("trace_id", "span_id", "parent_id", "service", "operation", "kind")
"""Columns that are needed: text."""
SIZE = 256 * 1024 * 1024
"""Bytes a trace file may have."""
OPERATIONS = 200
"""Operations kept for one service, the most frequent: past that, names hold ids."""
_KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


@dataclass(frozen=True, slots=True)
class TracesScanner:
    """Reads a folder with `traces.parquet`, a parquet file, an OTLP JSON file, or a table already in memory."""

    target: Path | pd.DataFrame
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    name: str = "traces"
    layer: Layer = Layer.RUNNING

    @property
    def scope(self) -> str:
        """The last two parts of the path; `table` for a table."""
        return scope_of(self.target) if isinstance(self.target, Path) else "table"

    def read(self) -> Reading[pd.DataFrame]:
        """Read the spans: one row a span, `COLUMNS` at least.

        Raises:
            NotFound, NotAllowed: no such file, or it may not be read.
            BadInput: it is no span table.
        """
        table = self.target if not isinstance(self.target, Path) else _table(self.target)
        missing = [name for name in COLUMNS if name not in table.columns]
        if missing:
            raise BadInput(
                f"The span table lacks {', '.join(missing)}.", next_step=f"Give it the columns {', '.join(COLUMNS)}."
            )
        return Reading(table[list(COLUMNS)], self.now())

    def facts(self, reading: Reading[pd.DataFrame]) -> tuple[Fact, ...]:
        """Say which services and operations were seen, and who called whom."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        spans = reading.raw[reading.raw["service"].notna() & (reading.raw["service"] != "")]
        for name in sorted(spans["service"].unique()):
            service = ledger.thing(iris.service(name, self.environment), Kind.SERVICE, name)
            ledger.say(service, terms.OTEL_SERVICE_NAME, name)
        for name, operation in _operations(spans):
            iri = iris.thing("operation", self.environment, name, operation)
            ledger.thing(iri, Kind.OPERATION, self.redact(operation))
            ledger.say(iris.service(name, self.environment), terms.PROVIDES, iri)
        for caller, callee, trace in _calls(spans):
            ledger.say(
                iris.service(caller, self.environment),
                terms.CALLS,
                iris.service(callee, self.environment),
                evidence=f"trace {trace}",
            )
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)


def _operations(spans: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield service and operation of the entry spans, at most `OPERATIONS` a service."""
    entries = spans[spans["kind"].isin(["server", "consumer"])]
    counts = entries.groupby(["service", "operation"]).size().reset_index(name="count")
    ranked = counts.sort_values(["service", "count", "operation"], ascending=[True, False, True])
    kept = ranked.groupby("service").head(OPERATIONS)
    yield from zip(kept["service"], kept["operation"], strict=True)


def _calls(spans: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield caller, callee and one trace that shows it."""
    children = spans[spans["parent_id"].notna() & (spans["parent_id"] != "") & (spans["kind"] != "consumer")]
    parents = spans[["trace_id", "span_id", "service", "kind"]]
    joined = children.merge(
        parents, left_on=["trace_id", "parent_id"], right_on=["trace_id", "span_id"], suffixes=("", "_parent")
    )
    crossing = joined[(joined["service"] != joined["service_parent"]) & (joined["kind_parent"] != "producer")]
    pairs = crossing.drop_duplicates(["service_parent", "service"]).sort_values(["service_parent", "service"])
    yield from zip(pairs["service_parent"], pairs["service"], pairs["trace_id"], strict=True)


def _table(target: Path) -> pd.DataFrame:
    """Return the span table of a file or folder."""
    import pandas as pd

    path = bounded.folder(target)
    if path.is_dir():
        path = path / "traces.parquet"
    if not path.is_file():
        raise NotFound(
            f"There is no traces.parquet in {target}.", next_step="Name the parquet or OTLP JSON file itself."
        )
    if path.stat().st_size > SIZE:
        raise BadInput(f"{path.name} is larger than {SIZE >> 20} MB.", next_step="Scan a shorter time.")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.DataFrame(list(_otlp(path.read_text())), columns=list(COLUMNS))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BadInput(
            f"{path.name} is no span table: {reason}.", next_step="Give it as parquet or OTLP JSON."
        ) from error


def _otlp(text: str) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield the spans of OTLP JSON, as the collector's file exporter and the HTTP protocol write it."""
    if not text.strip():
        raise ValueError("it is empty")
    try:
        bodies = [json.loads(text)]
    except json.JSONDecodeError:
        bodies = [json.loads(line) for line in text.splitlines() if line.strip()]
    for body in bodies:
        for resource in body.get("resourceSpans", []):
            service = _attribute(resource.get("resource", {}), "service.name")
            for scope in resource.get("scopeSpans", []):
                for span in scope.get("spans", []):
                    kind = span.get("kind", 1)
                    word = (
                        _KINDS.get(kind, "internal")
                        if isinstance(kind, int)
                        else str(kind).removeprefix("SPAN_KIND_").lower()
                    )
                    yield (
                        span["traceId"],
                        span["spanId"],
                        span.get("parentSpanId", ""),
                        service,
                        span.get("name", ""),
                        word,
                    )


def _attribute(resource: Mapping[str, Any], key: str) -> str:
    """Return a text attribute of a resource; empty when it has none."""
    for attribute in resource.get("attributes", []):
        if attribute.get("key") == key:
            return str(attribute.get("value", {}).get("stringValue", ""))
    return ""
