"""What code settles of configuration: facts of several scans in, the same scans out, surer or less sure. Pure.

A manifest says which host a service is told; only its code says whether anybody listens. Where the code of a service
was scanned too, a setting that it reads is a call (0.9), and one that nobody reads is a reference at 0.5 and no call.
Where no code is known or not all of it, or a library reads the variable by itself, configuration keeps its own word.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ontology import terms
from ontology.nouns import Fact, Iri
from ontology.terms import Kind
from scanners.protocol import Scan
from scanners.references import LIKELY, POSSIBLE, SURE

_LIBRARY = re.compile(
    r"(?:OTEL|FLAGD|PG|AWS|AZURE|GOOGLE|GCP|SPRING|QUARKUS|MICRONAUT|SERVER|ASPNETCORE|DOTNET|NODE|JAVA|JVM|RAILS|RACK|K6"
    r"|PYTHON|GRPC|SENTRY|DD|ELASTIC|NEW_RELIC|CONSUL|VAULT|CELERY|FLASK|DJANGO|PHX|GF|TRACELOOP|OPENAI|ANTHROPIC"
    r"|LANGCHAIN|LANGSMITH|LANGFUSE|HTTPS?_PROXY|ALL_PROXY|NO_PROXY)(?:_.*)?"
    r"|DATABASE_URL|REDIS_URL|MONGO(?:DB)?_UR[IL]|AMQP_URL|RABBITMQ_URL|CLOUDAMQP_URL|DOCKER_HOST|.*__.*"
)
"""Variables that a library or a framework reads by itself; no line of the service's own code names them."""
_PLAIN = frozenset({"python", "go", "javascript", "typescript", "rust", "elixir", "cpp"})
"""Languages without a habit of binding variables to fields unnamed: code that reads nothing there reads nothing."""
_NO_CODE = frozenset({"shell", "template", "configuration"})


@dataclass(slots=True)
class Code:
    """The code of one service: what it reads, in capitals, and where; in which languages."""

    reads: dict[str, str] = field(default_factory=dict)
    languages: set[str] = field(default_factory=set)
    whole: bool = True
    """False where a file of it could not be read: it may hold what we miss."""

    def reads_it(self, name: str) -> bool | None:
        """Say whether the code reads a variable; None when that cannot be known.

        >>> Code({"CART_URL": "a.py:1"}, {"python"}).reads_it("cart.url"), Code({}, {"java"}).reads_it("CART_URL")
        (True, None)
        """
        if _plain(name) in self.reads:
            return True
        if not self.whole or _LIBRARY.fullmatch(name) or not (self.reads or self.languages & _PLAIN):
            return None
        return False


def settle(scans: Sequence[Scan], known: Iterable[Fact] = ()) -> tuple[Scan, ...]:
    """Return the scans with references and calls as far as the code bears them out.

    Args:
        scans: those of one run, of code and of configuration in any order.
        known: what other scopes said before: source that is not scanned in this run.
    """
    facts = [fact for scan in scans for fact in scan.facts]
    said = _Said([*facts, *known])
    codes = said.codes()
    source_file = terms.class_iri(Kind.SOURCE_FILE)
    parts = [scan for scan in scans if any(fact.object == source_file for fact in scan.facts)]
    whole = all(scan.complete for scan in parts)
    for code in codes.values():
        code.whole = whole
    return tuple(replace(scan, facts=tuple(_settled(scan, said, codes))) if codes else scan for scan in scans)


class _Said:
    """Facts by what one asks of them."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._by: dict[Iri, list[Fact]] = defaultdict(list)
        self.labels: dict[Iri, str] = {}
        for fact in facts:
            if fact.predicate == terms.LABEL:
                self.labels[fact.subject] = str(fact.object)
            else:
                self._by[fact.predicate].append(fact)

    def pairs(self, predicate: Iri) -> list[tuple[Iri, Iri]]:
        """Return what a predicate joins."""
        return [(fact.subject, fact.object) for fact in self._by[predicate] if isinstance(fact.object, Iri)]

    def texts(self, predicate: Iri) -> dict[Iri, str]:
        """Return subject to text."""
        return {fact.subject: str(fact.object) for fact in self._by[predicate]}

    def of_kind(self, kind: str) -> set[Iri]:
        """Return the things of a kind."""
        return {subject for subject, target in self.pairs(terms.TYPE) if target == terms.class_iri(kind)}

    def codes(self) -> dict[str, Code]:
        """Return the code of each service, by the service's name; what no service owns is read by all."""
        owners = self._owners()
        found: dict[str, Code] = {}
        shared: dict[str, str] = {}
        languages = self.texts(terms.LANGUAGE)
        for file in self.of_kind(Kind.SOURCE_FILE):
            if file in owners:
                found.setdefault(owners[file], Code()).languages.add(languages.get(file, ""))
        places = dict(self.pairs(terms.DEFINED_IN))
        for predicate in (terms.READS_ENV, terms.CLIENT_OF):
            for fact in self._by[predicate]:
                name = self.labels.get(fact.object) if isinstance(fact.object, Iri) else None
                owner = owners.get(places.get(fact.subject, fact.subject))
                reads = found[owner].reads if owner in found else shared
                reads.setdefault(_plain(name or ""), fact.evidence)
        for code in found.values():
            code.reads = {**shared, **code.reads} if code.reads else code.reads
        return {name: code for name, code in found.items() if code.reads or code.languages - _NO_CODE}

    def _owners(self) -> dict[Iri, str]:
        """Return file to the name of the service whose code it is: told, by its Dockerfile, or by its folder's name."""
        files = self.of_kind(Kind.SOURCE_FILE)
        services = {self.labels[each] for each in self.of_kind(Kind.SERVICE) if each in self.labels}
        owners = {
            file: self.labels[service]
            for file, service in self.pairs(terms.IMPLEMENTS)
            if file in files and service in self.labels
        }
        folders = self._folders(files, services - set(owners.values()))
        for file in files - owners.keys():
            above = [folder for folder in folders if file.startswith(folder)]
            if above:
                owners[file] = folders[max(above, key=len)]
        return owners

    def _folders(self, files: set[Iri], services: set[str]) -> dict[str, str]:
        """Return the beginning of a file's IRI to the one service whose code lies there."""
        implements = {each: self.labels[other] for each, other in self.pairs(terms.IMPLEMENTS) if other in self.labels}
        built: dict[str, set[str]] = defaultdict(set)
        for workload, dockerfile in self.pairs(terms.BUILT_FROM):
            if workload in implements:
                built[dockerfile.rpartition(":")[0] + ":"].add(implements[workload])
        told = {folder: next(iter(names)) for folder, names in built.items() if len(names) == 1}
        languages = self.texts(terms.LANGUAGE)
        named: dict[str, set[str]] = defaultdict(set)
        for file in files:
            parts = file.split(":")
            for index in range(len(parts) - 2, 0, -1):
                if parts[index] in services and languages.get(file) not in _NO_CODE:
                    named[parts[index]].add(":".join(parts[: index + 1]) + ":")
                    break
        alone = {next(iter(places)): name for name, places in named.items() if len(places) == 1}
        return {place: name for place, name in alone.items() if name not in told.values()} | told


def _settled(scan: Scan, said: _Said, codes: Mapping[str, Code]) -> list[Fact]:
    """Return the facts of a scan as the code bears them out."""
    heard = _heard(scan, said, codes)
    verdicts: dict[tuple[Iri, Iri], list[tuple[bool | None, Fact]]] = defaultdict(list)
    for (fact, service), verdict in heard.items():
        if isinstance(fact.object, Iri):
            verdicts[service, fact.object].append((verdict, fact))
    weak = {fact for (fact, _), verdict in heard.items() if verdict is False}
    strong = {fact for (fact, _), verdict in heard.items() if verdict is not False}
    commands = " ".join(str(fact.object) for fact in scan.facts if fact.predicate == terms.COMMAND)
    other = {(each.subject, each.object) for each in scan.facts if each.predicate in (terms.EXPORTS_TO, terms.SCRAPES)}
    found: list[Fact] = []
    for fact in scan.facts:
        pair = (fact.subject, fact.object) if isinstance(fact.object, Iri) else None
        if fact in weak - strong:
            found.append(replace(fact, confidence=min(fact.confidence, POSSIBLE)))
        elif pair is not None and fact.predicate in (terms.CALLS, terms.USES_DATASTORE) and pair in verdicts:
            every = {verdict for verdict, _ in verdicts[pair]}
            told = re.search(rf"(?<![\w.\-]){re.escape(said.labels.get(pair[1], ' '))}(?::\d)", commands)
            if every == {False} and fact.evidence in {each.evidence for _, each in verdicts[pair]} and not told:
                continue
            found.append(replace(fact, confidence=max(fact.confidence, SURE)) if True in every else fact)
        else:
            found.append(fact)
    calls = {(fact.subject, fact.object) for fact in found if fact.predicate == terms.CALLS}
    services = said.of_kind(Kind.SERVICE)
    for (service, target), known in verdicts.items():
        read = [fact for verdict, fact in known if verdict is True]
        if read and service != target and target in services and (service, target) not in calls | other:
            best = max(read, key=lambda fact: fact.confidence)
            sure = SURE if best.confidence >= LIKELY else LIKELY
            found.append(replace(best, subject=service, predicate=terms.CALLS, confidence=sure))
    return found


def _heard(scan: Scan, said: _Said, codes: Mapping[str, Code]) -> dict[tuple[Fact, Iri], bool | None]:
    """Return each reference of a setting, with the service that is told, to whether its code reads the setting."""
    implements = dict(said.pairs(terms.IMPLEMENTS))
    owners = {
        fact.object: implements[fact.subject]
        for fact in scan.facts
        if fact.predicate == terms.SETS_ENV and fact.subject in implements and isinstance(fact.object, Iri)
    }
    spoken = _spoken(said, implements, owners, codes)
    heard: dict[tuple[Fact, Iri], bool | None] = {}
    for fact in scan.facts:
        service = owners.get(fact.subject) if fact.predicate == terms.REFERENCES else None
        code = codes.get(said.labels.get(service, "")) if service is not None else None
        if service is not None and code is not None:
            name = said.labels.get(fact.subject, "")
            handed = re.search(rf"\$[({{]?{re.escape(name)}\b", spoken[service])
            heard[fact, service] = True if handed else code.reads_it(name)
    return heard


def _spoken(
    said: _Said, implements: Mapping[Iri, Iri], owners: Mapping[Iri, Iri], codes: Mapping[str, Code]
) -> Mapping[Iri, str]:
    """Return what else reads the settings of each service: its command lines, and the settings that are read."""
    spoken: dict[Iri, str] = defaultdict(str)
    wholes = dict(said.pairs(terms.PART_OF))
    for thing, command in said.texts(terms.COMMAND).items():
        service = implements.get(thing) or implements.get(wholes.get(thing, thing))
        if service is not None:
            spoken[service] += f" {command}"
    for setting, template in said.texts(terms.VALUE_TEMPLATE).items():
        owner = owners.get(setting)
        code = codes.get(said.labels.get(owner, "")) if owner is not None else None
        if owner is not None and code is not None and code.reads_it(said.labels.get(setting, "")) is not False:
            spoken[owner] += f" {template}"
    return spoken


def _plain(name: str) -> str:
    """Return a variable's name as relaxed binding takes it: `cart.url` is `CART_URL`."""
    return re.sub(r"[.\-]", "_", name).upper()
