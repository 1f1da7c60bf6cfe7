"""Grafana: dashboards with the metrics and services they show, alert rules, data sources; from its API, or from files.

Files: dashboards as JSON, alerting and data source provisioning as YAML, and either inside config maps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ontology import iris, terms
from ontology.errors import NotFound, PersonError
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners import documents
from scanners.compose.mounts import Mount, holding, mounts
from scanners.documents import opened, rows, text
from scanners.ledger import Ledger
from scanners.observability.alert_rules import Rule, write_alert, write_query, write_service, write_team
from scanners.observability.grafana_nouns import (
    Dashboard,
    DataSource,
    alert_rule,
    alert_rules,
    dashboard,
    data_source,
    data_sources,
    is_dashboard,
    types_of,
)
from scanners.observability.http_json import ask, is_address, scope_of_address
from scanners.origin import Origin, origin, scope_of
from scanners.protocol import OFFLINE, Clients, Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import LIKELY, SURE, addresses
from scanners.secrecy import without_secrets

PAGE = 200
"""Dashboards asked for at once."""
FOLDERS = 1_000
"""Folders asked for: the most that Grafana gives at once."""
DASHBOARDS = 5_000
"""Dashboards one scan reads."""
_UID = re.compile(r"[\w\-]+")


@dataclass(frozen=True, slots=True)
class Grafana:
    """What a Grafana holds."""

    dashboards: tuple[Dashboard, ...] = ()
    rules: tuple[Rule, ...] = ()
    sources: tuple[DataSource, ...] = ()
    mounts: tuple[Mount, ...] = ()
    origin: Origin | None = None
    """Where the files come from; None for the API."""


@dataclass(frozen=True, slots=True)
class GrafanaScanner:
    """Reads the API at an address, or a folder of dashboards and provisioning files."""

    target: str
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    clients: Clients = field(default=OFFLINE, kw_only=True)
    name: str = "grafana"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The address without user and query, or the last two parts of the path."""
        return scope_of_address(self.target) if is_address(self.target) else scope_of(Path(self.target))

    def read(self) -> Reading[Grafana]:
        """Read dashboards, alert rules and data sources.

        Raises:
            NotFound: the folder holds nothing of Grafana.
            Unavailable, NotAllowed: the API does not answer.
        """
        return self._api() if is_address(self.target) else self._folder()

    def facts(self, reading: Reading[Grafana]) -> tuple[Fact, ...]:
        """Say what is shown, and what is alerted on."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        for each in reading.raw.dashboards:
            self._dashboard(ledger, each, reading.raw.origin)
        for rule in reading.raw.rules:
            iri = write_alert(ledger, rule, self.environment)
            _defined(ledger, iri, rule.evidence, reading.raw.origin)
        for source in reading.raw.sources:
            self._source(ledger, source, reading.raw.mounts)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _folder(self) -> Reading[Grafana]:
        """Read the files."""
        target = Path(self.target)
        found = documents.documents(target, (".json", ".yaml", ".yml"), _ours)
        every = tuple(opened(found.documents, _ours))
        sources = tuple(source for each in every for source in data_sources(each))
        types = types_of(sources)
        shown = tuple(
            dashboard(each.content, types, evidence=each.path) for each in every if is_dashboard(each.content)
        )
        rules = tuple(rule for each in every for rule in alert_rules(each, types))
        if not (shown or rules or sources or found.problems):
            raise NotFound(
                f"There is no dashboard, alert rule or data source of Grafana in {target}.",
                next_step="Name the provisioning folder, or the address of a Grafana.",
            )
        mounted = mounts(target, self.environment, self.redact, self.now) if sources else ()
        raw = Grafana(shown, rules, sources, mounted, origin(target))
        unsure = _unparsed(shown, rules)
        return Reading(raw, self.now(), found.problems, not found.problems, (*found.skipped, *unsure))

    def _api(self) -> Reading[Grafana]:
        """Read the API: a dashboard or a list that is refused is a problem."""
        session, problems = self.clients.http(self.target), list[Problem]()
        listed = list(self._listed(session))
        sources = tuple(data_source(each) for each in rows(self._try(session, "/api/datasources", problems)))
        folders = {text(each.get("uid")): text(each.get("title"))
                   for each in rows(self._try(session, "/api/folders", problems, limit=FOLDERS))}  # fmt: skip
        types, shown = types_of(sources), []
        for uid in listed:
            answer = self._try(session, f"/api/dashboards/uid/{quote(uid, safe='')}", problems)
            if isinstance(answer, dict) and isinstance(answer.get("dashboard"), dict):
                meta = answer["meta"] if isinstance(answer.get("meta"), dict) else {}
                folder, url = text(meta.get("folderTitle")), self.target.rstrip("/") + text(meta.get("url"))
                shown.append(dashboard(answer["dashboard"], types, folder=folder, url=url, evidence=url))
        rules = []
        for each in rows(self._try(session, "/api/v1/provisioning/alert-rules", problems)):
            place = text(each.get("folderUID"))
            rules.append(alert_rule(each, text(each.get("ruleGroup")), folders.get(place, place), types, self.scope))
        kept = tuple(rule for rule in rules if rule is not None)
        unsure = _unparsed(shown, kept)
        raw = Grafana(tuple(shown), kept, sources)
        return Reading(raw, self.now(), tuple(problems), not problems, unsure)

    def _listed(self, session: Any) -> Iterator[str]:
        """Yield the uid of every dashboard, page by page.

        Raises:
            Unavailable, NotAllowed: the first thing that is asked; without it there is no scan.
        """
        for page in range(1, DASHBOARDS // PAGE + 1):
            found = rows(ask(session, self.target, "/api/search", type="dash-db", limit=PAGE, page=page))
            yield from (text(each.get("uid")) for each in found if _UID.fullmatch(text(each.get("uid"))))
            if len(found) < PAGE:
                return

    def _try(self, session: Any, path: str, problems: list[Problem], **params: Any) -> Any:
        """Return an answer; None and a problem where there is none."""
        try:
            return ask(session, self.target, path, **params)
        except PersonError as error:
            problems.append(Problem(path, error.problem))
            return None

    def _dashboard(self, ledger: Ledger, each: Dashboard, where: Origin | None) -> None:
        """Write down a dashboard and what it shows."""
        key = each.uid or each.evidence or each.title
        iri = ledger.thing(iris.thing("dashboard", self.environment, key), Kind.DASHBOARD, each.title, each.evidence)
        ledger.say(iri, terms.URL, each.url, evidence=each.evidence)
        ledger.say(iri, terms.LABEL_KV, f"folder={each.folder}" if each.folder else None, evidence=each.evidence)
        for tag in each.tags:
            ledger.say(iri, terms.LABEL_KV, f"tag={tag}", evidence=each.evidence)
        for _, query in each.queries:
            write_query(ledger, iri, terms.MONITORS, query, self.environment, each.evidence)
        for name in each.services:
            write_service(ledger, iri, terms.MONITORS, name, LIKELY, self.environment, each.evidence)
        labels = dict(tag.split(":", 1) for tag in each.tags if ":" in tag)
        write_team(ledger, iri, labels, each.evidence)
        _defined(ledger, iri, each.evidence, where)

    def _source(self, ledger: Ledger, source: DataSource, every: tuple[Mount, ...]) -> None:
        """Write down which service a data source reads from, for the service whose Grafana has the file."""
        owners = list(holding(source.evidence.rpartition(":")[0], every))
        for address in addresses(source.url):
            name = address.host.split(".", 1)[0].lower()
            plain = "." not in address.host or ".svc" in address.host
            for mount in owners if plain and name not in ("localhost", "127") else ():
                ledger.thing(mount.service, Kind.SERVICE, mount.name, source.evidence)
                sure = SURE if address.port else LIKELY
                write_service(ledger, mount.service, terms.DEPENDS_ON, name, sure, self.environment, source.evidence)


def _defined(ledger: Ledger, iri: Iri, evidence: str, where: Origin | None) -> None:
    """Write down the file that a thing stands in."""
    path = re.sub(r":\d+$", "", evidence)
    if where is not None and path:
        file = ledger.thing(where.file(path), Kind.FILE, where.path(path), path)
        ledger.say(iri, terms.DEFINED_IN, file, evidence=evidence)


def _ours(content: str) -> bool:
    """Say whether a file looks like a dashboard, alert rules or data sources."""
    return (
        ("title" in content and any(f'"{word}"' in content for word in ("panels", "rows", "elements")))
        or ("groups:" in content and "datasourceUid" in content)
        or ("datasources:" in content and "apiVersion" in content)
    )


def _unparsed(shown: Iterable[Dashboard], rules: Iterable[Rule]) -> tuple[Problem, ...]:
    """Return the queries that were read by pattern only."""
    every = [(each.evidence or each.title, each.queries) for each in shown]
    every += [(each.evidence or each.name, each.queries) for each in rules]
    return tuple(
        Problem(where, f"no PromQL that parses, read by pattern: {written[:80]}")
        for where, found in every
        for written, query in found
        if not query.exact
    )
