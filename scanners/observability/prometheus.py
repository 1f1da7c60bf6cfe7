"""Prometheus: alert rules, recording rules, objectives, and what is scraped; from its API, or from its files.

Files: rule files, `PrometheusRule` objects of the operator, the static targets of `prometheus.yml`. What is discovered
at run time stands in the API only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ontology import iris, terms
from ontology.errors import NotFound, PersonError
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners import documents
from scanners.bounded import Document
from scanners.documents import mappings, opened, pairs, rows, text
from scanners.ledger import Ledger
from scanners.observability.alert_rules import Rule, told_apart, write_alert, write_recording, write_service
from scanners.observability.http_json import ask, is_address, scope_of_address
from scanners.observability.promql import promql, services_of
from scanners.origin import Origin, origin, scope_of
from scanners.protocol import OFFLINE, Clients, Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import LIKELY
from scanners.secrecy import without_secrets

_JOBS = frozenset({"job", "exported_job"})
_NUMBERED = re.compile(r"[\d.]+$|.*:|localhost$|host\.")
"""Hosts that are no name of a service: numbers, this machine, Docker's host."""
_REPLICA = re.compile(r"(?:(?:-[a-z0-9]{6,10})?-(?=[a-z0-9]*\d)[a-z0-9]{5}|[-_]?\d+)$")
"""What tells the replicas of a workload apart."""
_ENDINGS = ("_bucket", "_sum", "_count", "_total", "_created")


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """What is scraped."""

    address: str
    """`cart:9090`."""
    labels: Mapping[str, str]
    health: str = ""
    """`up` or `down`; empty where nobody looked."""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a Prometheus watches."""

    alerts: tuple[Rule, ...] = ()
    recordings: tuple[Rule, ...] = ()
    targets: tuple[ScrapeTarget, ...] = ()
    metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Metric to `type`, `help` and `unit`."""
    origin: Origin | None = None
    """Where the files come from; None for the API."""


@dataclass(frozen=True, slots=True)
class PrometheusScanner:
    """Reads the API at an address, or a folder of rule files."""

    target: str
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    clients: Clients = field(default=OFFLINE, kw_only=True)
    name: str = "prometheus"

    @property
    def layer(self) -> Layer:
        """The API says what runs, files what is wanted."""
        return Layer.RUNNING if is_address(self.target) else Layer.DECLARED

    @property
    def scope(self) -> str:
        """The address without user and query, or the last two parts of the path."""
        return scope_of_address(self.target) if is_address(self.target) else scope_of(Path(self.target))

    def read(self) -> Reading[Watch]:
        """Read rules, targets and metadata.

        Raises:
            NotFound: the folder holds nothing of Prometheus.
            Unavailable, NotAllowed: the API does not answer.
        """
        return self._api() if is_address(self.target) else self._folder()

    def facts(self, reading: Reading[Watch]) -> tuple[Fact, ...]:
        """Say what is watched."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        watch = reading.raw
        several = jobs_of_several(watch.targets)
        for rule in (_without(each, several) for each in watch.alerts):
            self._defined(ledger, write_alert(ledger, rule, self.environment), rule, watch.origin)
        for rule in (_without(each, several) for each in watch.recordings):
            self._defined(ledger, write_recording(ledger, rule, self.environment), rule, watch.origin)
        for target in watch.targets:
            self._target(ledger, target, several)
        self._described(ledger, watch)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _api(self) -> Reading[Watch]:
        """Read the API; what it refuses beyond the rules is a problem."""
        session = self.clients.http(self.target)
        found = _data(ask(session, self.target, "/api/v1/rules"))
        groups = [(group, text(group.get("file"))) for group in rows(found.get("groups"))]
        read = [each for group, file in groups for each in _rules(group, lambda _path, file=file: file)]
        problems: list[Problem] = []
        more: dict[str, Mapping[str, Any]] = {}
        for path in ("/api/v1/targets", "/api/v1/metadata"):
            try:
                more[path] = _data(
                    ask(session, self.target, path, **({"state": "active"} if "targets" in path else {}))
                )
            except PersonError as error:
                problems.append(Problem(path, error.problem))
        targets = tuple(_target(each) for each in rows(more.get("/api/v1/targets", {}).get("activeTargets")))
        about = {name: pairs(each[0]) for name, each in more.get("/api/v1/metadata", {}).items() if rows(each)}
        watch = Watch(*_sorted(read), targets, about)
        return Reading(watch, self.now(), tuple(problems), not problems)

    def _folder(self) -> Reading[Watch]:
        """Read the files."""
        target = Path(self.target)
        found = documents.documents(target, (".yaml", ".yml", ".rules", ".json"), _ours)
        every = tuple(opened(found.documents, _ours))
        read = [each for document in every for each in document_rules(document)]
        scraped = [each for document in every for each in static_targets(document)]
        if not (read or scraped or found.problems or any(_configured(each) for each in every)):
            raise NotFound(
                f"There is no rule and no scrape configuration in {target}.",
                next_step="Name the folder of the rule files, or the address of a Prometheus.",
            )
        discovered = tuple(
            Problem(each.path, "targets found at run time: ask the API for them")
            for each in every
            if any(key.endswith("_sd_configs") for part in mappings(each.content) for key in part)
        )
        watch = Watch(*_sorted(read), tuple(scraped), {}, origin(target))
        return Reading(watch, self.now(), found.problems, not found.problems, (*found.skipped, *discovered))

    def _defined(self, ledger: Ledger, iri: Iri, rule: Rule, where: Origin | None) -> None:
        """Write down the file that a rule stands in."""
        path = rule.evidence.rpartition(":")[0] or rule.evidence
        if where is not None and path:
            file = ledger.thing(where.file(path), Kind.FILE, where.path(path), path)
            ledger.say(iri, terms.DEFINED_IN, file, evidence=rule.evidence)

    def _target(self, ledger: Ledger, target: ScrapeTarget, several: frozenset[str]) -> None:
        """Write down what is scraped, whose it is, and where it runs; a job of several services names none of them."""
        host, port = _host_port(target.address)
        if not host:
            return
        where, labels = target.evidence, target.labels
        endpoint = iris.thing("endpoint", host.lower(), port)
        ledger.thing(endpoint, Kind.ENDPOINT, f"{host}:{port}" if port else host, where)
        ledger.say(endpoint, terms.HOST, host, evidence=where)
        ledger.say(endpoint, terms.PORT, int(port) if port else None, evidence=where)
        ledger.say(endpoint, terms.STATUS, target.health, evidence=where)
        ledger.say(endpoint, terms.LABEL_KV, f"job={labels['job']}" if labels.get("job") else None, evidence=where)
        said = {label: (value,) for label, value in labels.items() if label not in _JOBS or value not in several}
        names = dict(services_of(said))
        best = {name: sure for name, sure in names.items() if sure == max(names.values())}
        for name, confidence in best.items():
            write_service(ledger, endpoint, terms.EXPOSES, name, confidence, self.environment, where)
        namespace, pod, node = (labels.get(key, "") for key in ("namespace", "pod", "node"))
        if namespace and pod:
            iri = ledger.thing(iris.thing("pod", self.environment, namespace, pod), Kind.POD, pod, where)
            ledger.say(iri, terms.LISTENS_ON, endpoint, evidence=where)
            for name, confidence in best.items():
                write_service(ledger, iri, terms.IMPLEMENTS, name, min(confidence, LIKELY), self.environment, where)
            if node:
                on = ledger.thing(iris.thing("node", self.environment, node), Kind.NODE, node, where)
                ledger.say(iri, terms.RUNS_ON, on, evidence=where)

    def _described(self, ledger: Ledger, watch: Watch) -> None:
        """Write down what the metrics of the rules are; thousands that no rule asks for are left out."""
        used = {
            name for rule in (*watch.alerts, *watch.recordings) for _, query in rule.queries for name in query.metrics
        }
        for name in sorted(used):
            family = next((name.removesuffix(end) for end in _ENDINGS if name.removesuffix(end) in watch.metadata), "")
            about = watch.metadata.get(name) or watch.metadata.get(family) or {}
            iri = iris.thing("metric", self.environment, name)
            ledger.say(iri, terms.RESOURCE_TYPE, about.get("type"))
            ledger.say(iri, terms.UNIT, about.get("unit"))
            ledger.say(iri, terms.DESCRIPTION, about.get("help"))


def jobs_of_several(targets: Iterable[ScrapeTarget]) -> frozenset[str]:
    """Return the jobs whose targets are not one service's: they say who scrapes, not whom.

    Targets are one service's when they say the same service, pods of one workload, or replicas under one name.

    >>> shop = [ScrapeTarget(f"{name}:80", {"job": "shop"}) for name in ("cart", "pay")]
    >>> sorted(jobs_of_several([*shop, *(ScrapeTarget(f"web-{n}.web:80", {"job": "web"}) for n in (0, 1))]))
    ['shop']
    """
    owners: dict[str, set[str]] = defaultdict(set)
    for target in targets:
        for label in _JOBS & target.labels.keys():
            owners[target.labels[label]].add(_owner(target))
    return frozenset(job for job, several in owners.items() if len(several) > 1)


def _owner(target: ScrapeTarget) -> str:
    """Return whose a target is, its job left aside: by label, by pod, by name; an address of numbers is its own."""
    said = {label: (value,) for label, value in target.labels.items() if label not in _JOBS}
    names = dict(services_of(said))
    if names:
        return max(names, key=lambda name: names[name])
    host, _ = _host_port(target.address)
    first = target.labels.get("pod") or ("" if _NUMBERED.match(host) else host.partition(".")[0])
    return _REPLICA.sub("", first) or target.address


def _without(rule: Rule, several: frozenset[str]) -> Rule:
    """Return a rule without the services that only the name of such a job would make."""
    none = {job.rpartition("/")[2] for job in several}
    queries = tuple(
        (
            text,
            replace(query, services=tuple(each for each in query.services if each[0] not in none or each[1] > LIKELY)),
        )
        for text, query in rule.queries
    )
    return replace(rule, queries=queries)


def document_rules(document: Document) -> Iterator[tuple[Rule, bool]]:
    """Yield the rules of a file, and whether each is an alert; of a `PrometheusRule` too."""
    content, base = document.content, ""
    if isinstance(content, dict) and content.get("kind") == "PrometheusRule" and isinstance(content.get("spec"), dict):
        content, base = content["spec"], "spec/"
    for index, group in enumerate(rows(content.get("groups")) if isinstance(content, dict) else []):
        yield from _rules(group, lambda path, index=index: document.at(f"{base}groups/{index}/{path}"))


def _rules(group: Mapping[str, Any], at: Any) -> Iterator[tuple[Rule, bool]]:
    """Yield the rules of a group, as a file or the API has it."""
    for index, each in enumerate(rows(group.get("rules"))):
        name = text(each.get("alert") or each.get("record") or each.get("name"))
        expression = text(each.get("expr") or each.get("query"))
        if not name or not expression:
            continue
        rule = Rule(
            name,
            text(group.get("name")),
            ((expression, promql(expression)),),
            pairs(group.get("labels")) | pairs(each.get("labels")),
            pairs(each.get("annotations")),
            text(each.get("for") if "for" in each else each.get("duration")),
            state=text(each.get("state")),
            evidence=at(f"rules/{index}"),
        )
        yield rule, "alert" in each or each.get("type") == "alerting"


def _sorted(read: list[tuple[Rule, bool]]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Return alerts and recordings."""
    return told_apart(rule for rule, alert in read if alert), tuple(rule for rule, alert in read if not alert)


def static_targets(document: Document) -> Iterator[ScrapeTarget]:
    """Yield the targets that a scrape configuration names."""
    jobs = rows(document.content.get("scrape_configs")) if isinstance(document.content, dict) else []
    for number, job in enumerate(jobs):
        for index, static in enumerate(rows(job.get("static_configs"))):
            where = document.at(f"scrape_configs/{number}/static_configs/{index}")
            addresses = static.get("targets")
            for address in addresses if isinstance(addresses, list) else []:
                labels = {"job": text(job.get("job_name"))} | pairs(static.get("labels"))
                yield ScrapeTarget(text(address), labels, evidence=where)


def _target(each: Mapping[str, Any]) -> ScrapeTarget:
    """Return a target of the API; it is scraped at its address, whatever `instance` says."""
    labels, url = pairs(each.get("labels")), text(each.get("scrapeUrl"))
    return ScrapeTarget(urlsplit(url).netloc or labels.get("instance", ""), labels, text(each.get("health")), url)


def _host_port(address: str) -> tuple[str, str]:
    """Return host and port of an address; empty for what is none.

    >>> _host_port("cart:9090"), _host_port("http://me@cart/metrics"), _host_port("[::1]:80")
    (('cart', '9090'), ('cart', ''), ('::1', '80'))
    """
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        return parts.hostname or "", str(parts.port or "")
    except ValueError:
        return "", ""


def _ours(content: str) -> bool:
    """Say whether a file looks like rules or a scrape configuration."""
    return ("groups" in content and "rules" in content and "expr" in content) or "scrape_" in content


def _configured(document: Document) -> bool:
    """Say whether a document is a configuration of Prometheus, if one without static targets."""
    return isinstance(document.content, dict) and bool({"scrape_configs", "groups", "global"} & document.content.keys())


def _data(answer: Any) -> Mapping[str, Any]:
    """Return the data of an answer of the API; empty for what is none."""
    data = answer.get("data") if isinstance(answer, dict) else None
    return data if isinstance(data, dict) else {}
