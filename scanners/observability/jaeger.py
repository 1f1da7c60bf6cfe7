"""Jaeger: services, their operations, who calls whom and by which operation, from the API of its query service.

Traces show a call for sure. What Jaeger's own dependency table adds is less sure (0.9), since it counts a message
that was consumed like a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ontology import iris, terms
from ontology.errors import NotFound, PersonError
from ontology.nouns import Fact, Layer
from ontology.terms import Kind
from scanners.binding import Binding
from scanners.documents import rows, text
from scanners.ledger import Ledger
from scanners.observability.http_json import ask, folder_expected, is_address, scope_of_address
from scanners.observability.span_facts import OPERATIONS, operation_iri, write_spans
from scanners.observability.span_files import ATTRIBUTES, COLUMNS, Row, jaeger
from scanners.observability.traces import bound
from scanners.protocol import OFFLINE, Clients, Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import SURE
from scanners.secrecy import without_secrets

if TYPE_CHECKING:
    import pandas as pd

TRACES = 50
"""Traces asked for each service."""
LOOKBACK = timedelta(hours=1)
SERVICES = 1_000
"""Services one scan asks about."""
_ENTRY = frozenset({"server", "consumer", ""})
"""Kinds of the operations that a service offers; an old Jaeger does not say the kind."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a Jaeger has seen."""

    services: tuple[str, ...]
    operations: Mapping[str, tuple[str, ...]]
    """Service to the operations it offers."""
    dependencies: tuple[tuple[str, str], ...]
    """Caller and callee."""
    spans: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class JaegerScanner:
    """Reads the API at an address."""

    target: str
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    clients: Clients = field(default=OFFLINE, kw_only=True)
    binding: Binding = field(default_factory=Binding, kw_only=True)
    name: str = "jaeger"
    layer: Layer = Layer.RUNNING

    @property
    def scope(self) -> str:
        """The address without user and query."""
        return scope_of_address(self.target)

    def read(self) -> Reading[Seen]:
        """Ask for services, operations, dependencies and traces of the last hour.

        Raises:
            BadInput: the target is no address.
            Unavailable, NotAllowed: it does not answer.
        """
        if not is_address(self.target):
            raise folder_expected(self.target)
        session, problems = self.clients.http(self.target), list[Problem]()
        named = _texts(_data(ask(session, self.target, "/api/services")))
        skipped = tuple(Problem(name, f"past the first {SERVICES} services") for name in named[SERVICES:])
        operations: dict[str, tuple[str, ...]] = {}
        spans: dict[tuple[str, str], Row] = {}
        for name in named[:SERVICES]:
            operations[name] = tuple(self._operations(session, name, problems))
            spans |= {(row["trace_id"], row["span_id"]): row for row in self._spans(session, name, problems)}
        end = int(self.now().timestamp() * 1000)
        window = {"endTs": end, "lookback": int(LOOKBACK.total_seconds() * 1000)}
        found = rows(_data(self._try(session, "/api/dependencies", problems, **window)))
        pairs = tuple((text(each.get("parent")), text(each.get("child"))) for each in found)
        seen = Seen(tuple(named[:SERVICES]), operations, pairs, tuple(spans.values()))
        return Reading(seen, self.now(), tuple(problems), not problems, skipped)

    def facts(self, reading: Reading[Seen]) -> tuple[Fact, ...]:
        """Say who was seen to call whom."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        raw, (said, cluster) = reading.raw, ("deployment.environment.name", "k8s.cluster.name")
        write_spans(ledger, _table(raw.spans), self._bound)
        places = {row["service"]: self._bound(row.get(said, ""), row.get(cluster, "")) for row in raw.spans}
        for name in raw.services:
            place = places.get(name, self.environment)
            service = ledger.thing(iris.service(name, place), Kind.SERVICE, name)
            ledger.say(service, terms.OTEL_SERVICE_NAME, name)
            for operation in raw.operations.get(name, ()):
                iri = ledger.thing(operation_iri(place, name, operation), Kind.OPERATION, self.redact(operation))
                ledger.say(service, terms.PROVIDES, iri)
        messages = set(_messages(raw.spans))
        for pair in raw.dependencies:
            if all(pair) and pair[0] != pair[1] and pair not in messages:
                caller, callee = (
                    ledger.thing(iris.service(name, places.get(name, self.environment)), Kind.SERVICE, name)
                    for name in pair
                )
                ledger.say(caller, terms.CALLS, callee, confidence=SURE, evidence=f"{self.scope}/api/dependencies")
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _bound(self, said: str, cluster: str) -> str:
        """Return the environment of a span."""
        return bound(self.binding, self.environment, said, cluster)

    def _operations(self, session: Any, name: str, problems: list[Problem]) -> Iterator[str]:
        """Yield the operations that a service offers, at most `OPERATIONS`; an old Jaeger lists them elsewhere."""
        try:
            found = _data(ask(session, self.target, "/api/operations", service=name))
        except NotFound:
            path = f"/api/services/{quote(name, safe='')}/operations"
            found = [{"name": each} for each in _texts(_data(self._try(session, path, problems)))]
        except PersonError as error:
            problems.append(Problem(f"/api/operations?service={name}", error.problem))
            return
        kinds = [(text(each.get("name")), text(each.get("spanKind")).lower()) for each in rows(found)]
        yield from [operation for operation, kind in kinds if operation and kind in _ENTRY][:OPERATIONS]

    def _spans(self, session: Any, name: str, problems: list[Problem]) -> Iterator[Row]:
        """Yield the spans of the last traces through a service; what is no trace is a problem."""
        end = int(self.now().timestamp() * 1_000_000)
        start = end - int(LOOKBACK.total_seconds() * 1_000_000)
        window = {"start": start, "end": end, "limit": TRACES, "lookback": "custom"}
        found = _data(self._try(session, "/api/traces", problems, service=name, **window))
        try:
            yield from list(jaeger(rows(found)))
        except (KeyError, TypeError, AttributeError) as error:
            problems.append(Problem(f"/api/traces?service={name}", f"no traces as Jaeger writes them: {error!r}"))

    def _try(self, session: Any, path: str, problems: list[Problem], **params: Any) -> Any:
        """Return an answer; None and a problem where there is none."""
        try:
            return ask(session, self.target, path, **params)
        except PersonError as error:
            asked = f"{path}?service={params['service']}" if "service" in params else path
            problems.append(Problem(asked, error.problem))
            return None


def _data(answer: Any) -> Any:
    """Return what an answer holds; None for what holds nothing."""
    return answer.get("data") if isinstance(answer, dict) else None


def _texts(value: Any) -> list[str]:
    """Return the texts of a list, sorted."""
    return sorted({each for each in value if isinstance(each, str) and each}) if isinstance(value, list) else []


def _table(spans: tuple[Row, ...]) -> pd.DataFrame:
    """Return spans as a table."""
    import pandas as pd

    return pd.DataFrame(list(spans), columns=[*COLUMNS, *ATTRIBUTES])


def _messages(spans: tuple[Row, ...]) -> Iterator[tuple[str, str]]:
    """Yield producer and consumer of each message that was seen."""
    known = {(row["trace_id"], row["span_id"]): row for row in spans}
    for row in spans:
        parent = known.get((row["trace_id"], row["parent_id"]))
        if parent is not None and (row["kind"] == "consumer" or parent["kind"] == "producer"):
            yield parent["service"], row["service"]
