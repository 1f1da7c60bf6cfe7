"""Feature flags as flagd reads them: what is defined, its variants, its default, and who has the file.

Found in JSON and YAML files, in `FeatureFlag` objects of the OpenFeature operator and inside config maps. A manifest of
the OpenFeature CLI defines nothing: it says which flags the code beside it reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontology import iris, terms
from ontology.errors import NotFound
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners import bounded, documents
from scanners.bounded import Document
from scanners.compose.mounts import Mount, holding, mounts
from scanners.documents import carried, mappings, parsed, text
from scanners.ledger import Ledger
from scanners.origin import Origin, origin, scope_of
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import LIKELY, POSSIBLE
from scanners.secrecy import without_secrets

_DEFINES = frozenset({"state", "variants", "defaultVariant", "targeting"})
_ABOUT_SERVICES = frozenset({"service", "service.name", "serviceName", "service_name", "app", "application"})
TARGETING = 2_000
"""Characters of a targeting rule that are kept."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of one file."""

    key: str
    content: Mapping[str, Any]
    path: str
    evidence: str
    config: tuple[str, str, str] = ("", "", "")
    """Namespace, name and key of the config map that carries it."""

    @property
    def defined(self) -> bool:
        """False in a manifest, which only says that code reads it."""
        return bool(_DEFINES & self.content.keys())


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of a folder."""

    flags: tuple[Flag, ...]
    mounts: tuple[Mount, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class FlagsScanner:
    """Reads a folder of flag files, or one file."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    name: str = "flags"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The last two parts of the folder's path."""
        return scope_of(self.target)

    def read(self) -> Reading[Flags]:
        """Read the flag files.

        Raises:
            NotFound: there is none.
        """
        found = documents.documents(self.target, (".json", ".yaml", ".yml"), _ours)
        flags = list(_flags(found.documents))
        if not flags and not found.problems:
            raise NotFound(
                f"There is no flag file in {self.target}.",
                next_step="Name the folder of the JSON or YAML that flagd reads.",
            )
        mounted = mounts(self.target, self.environment, self.redact, self.now)
        raw = Flags(tuple(flags), mounted, origin(self.target))
        return Reading(raw, self.now(), found.problems, not found.problems, found.skipped)

    def facts(self, reading: Reading[Flags]) -> tuple[Fact, ...]:
        """Say which flags there are."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        for flag in reading.raw.flags:
            iri = ledger.thing(
                iris.thing("flag", self.environment, flag.key), Kind.FEATURE_FLAG, flag.key, flag.evidence
            )
            ledger.say(iri, terms.OTEL_FEATURE_FLAG_KEY, flag.key, evidence=flag.evidence)
            ledger.say(iri, terms.DESCRIPTION, text(flag.content.get("description")), evidence=flag.evidence)
            self._place(ledger, reading.raw, flag, iri)
            if flag.defined:
                self._define(ledger, flag, iri)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _place(self, ledger: Ledger, raw: Flags, flag: Flag, iri: Iri) -> None:
        """Write down where a flag stands, and who has that file in its container."""
        where = flag.evidence
        if flag.config[1]:
            namespace, name, key = flag.config
            config = iris.thing("config", self.environment, namespace, "configmap", name)
            holder = ledger.thing(iris.thing("config", self.environment, namespace, "configmap", name, key),
                                  Kind.CONFIG_KEY, key, where)  # fmt: skip
            ledger.thing(config, Kind.CONFIG_MAP, name, where)
            ledger.say(config, terms.HAS_KEY, holder, evidence=where)
        else:
            holder = ledger.thing(raw.origin.file(flag.path), Kind.CONFIG_FILE, raw.origin.path(flag.path), where)
            for mount in holding(flag.path, raw.mounts):
                ledger.thing(mount.workload, Kind.COMPOSE_SERVICE, mount.label, mount.evidence)
                ledger.say(mount.workload, terms.MOUNTS, holder, evidence=mount.evidence)
        if flag.defined:
            ledger.say(holder, terms.DECLARES, iri, evidence=where)
        else:
            ledger.say(holder, terms.READS_FLAG, iri, confidence=LIKELY, evidence=where)

    def _define(self, ledger: Ledger, flag: Flag, iri: Iri) -> None:
        """Write down a flag's state, variants and targeting."""
        where, content = flag.evidence, flag.content
        ledger.say(iri, terms.OTEL_FEATURE_FLAG_PROVIDER_NAME, "flagd", evidence=where)
        ledger.say(iri, terms.STATUS, text(content.get("state")).lower() or "enabled", evidence=where)
        ledger.say(iri, terms.DEFAULT_VALUE, text(content.get("defaultVariant")), evidence=where)
        variants = content.get("variants")
        for name in variants if isinstance(variants, dict) else ():
            ledger.say(iri, terms.LABEL_KV, f"variant={name}", evidence=where)
        targeting = content.get("targeting")
        if targeting:
            ledger.say(iri, terms.EXPRESSION, json.dumps(targeting)[:TARGETING], evidence=where)
        for name in sorted(set(_targeted(targeting))):
            service = iris.service(name, self.environment)
            ledger.thing(service, Kind.SERVICE, name, where, confidence=POSSIBLE)
            ledger.say(iri, terms.MENTIONS, service, confidence=POSSIBLE, evidence=where)


def _ours(content: str) -> bool:
    """Say whether a file looks like flags."""
    return "flags" in content and any(word in content for word in ("variants", "flagType", "defaultVariant"))


def _flags(found: Iterable[Document]) -> Iterator[Flag]:
    """Yield the flags of every document, of those that config maps carry too."""
    with bounded.Parser() as parser:
        for document in found:
            for path, key, content in _of(document):
                yield Flag(key, content, document.path, document.at(path))
            for name, body in carried(document):
                inner = parsed(body, name, parser) if _ours(body) else ()
                for each in () if isinstance(inner, Problem) else inner:
                    metadata = document.content.get("metadata") or {}
                    config = (text(metadata.get("namespace")) or "default", text(metadata.get("name")), name)
                    for _, key, content in _of(each):
                        yield Flag(key, content, document.path, document.at(f"data/{name}"), config)


def _of(document: Document) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield place, key and content of the flags of one document."""
    content, base = document.content, ""
    if isinstance(content, dict) and content.get("kind") == "FeatureFlag":
        spec = content.get("spec")
        content, base = (spec.get("flagSpec") if isinstance(spec, dict) else None), "spec/flagSpec/"
    flags = content.get("flags") if isinstance(content, dict) else None
    for key, flag in flags.items() if isinstance(flags, dict) else ():
        if isinstance(flag, dict) and (_DEFINES & flag.keys() or "flagType" in flag):
            yield f"{base}flags/{key}", str(key), flag


def _targeted(targeting: Any) -> Iterator[str]:
    """Yield the services that a targeting rule compares with: `{"==": [{"var": "service"}, "cart"]}`."""
    for part in mappings(targeting):
        for operator in ("==", "===", "in"):
            terms_ = part.get(operator)
            sides = terms_ if isinstance(terms_, list) else []
            asked = {text(side.get("var")) for side in sides if isinstance(side, dict)}
            if asked & _ABOUT_SERVICES:
                for side in sides:
                    yield from (
                        text(each) for each in (side if isinstance(side, list) else [side]) if isinstance(each, str)
                    )
