"""Source code: files, functions, the variables and flags each function reads, and the hosts it is a client of.

Python through `ast`, the others through tree-sitter (`readers` says how), in a process of its own
(`reading`). Code is parsed, never imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ontology import iris, terms
from ontology.errors import NotFound
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners import bounded
from scanners.ledger import Ledger
from scanners.origin import Origin, origin, scope_of
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import LIKELY, POSSIBLE, SURE
from scanners.secrecy import is_secret, without_secrets
from scanners.source.nouns import Module, Symbol
from scanners.source.ownership import Owner, is_test, owner_of, owners_below
from scanners.source.readers import MADE, READERS, is_configuration, suffix_of
from scanners.source.reading import understood


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of code, understood."""

    path: str
    """Relative to the scanned folder."""
    language: str
    module: Module


@dataclass(frozen=True, slots=True)
class Code:
    """The files of a folder."""

    files: tuple[SourceFile, ...]
    origin: Origin
    owners: Mapping[str, Owner]
    """Folder to the service that is built from it."""


@dataclass(frozen=True, slots=True)
class SourceScanner:
    """Reads a folder of code."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    services: Mapping[str, str] = field(default_factory=dict)
    """Folder, as a path in the repository, to the name of the service whose code it is; Compose files say it too."""
    name: str = "source"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The last two parts of the folder's path."""
        return scope_of(self.target)

    def read(self) -> Reading[Code]:
        """Read and parse the code.

        Raises:
            NotFound: there is no code in a language we read.
        """
        target = bounded.folder(self.target)
        every = {bounded.shown(path, target): path for path in bounded.files(target, *READERS)}
        skipped = {name: reason for name, path in every.items() if (reason := _left_out(path))}
        paths = {name: path for name, path in every.items() if name not in skipped}
        if all(is_configuration(name) for name in paths):
            known = ", ".join(sorted({language for language, _ in READERS.values()}))
            raise NotFound(f"There is no code in {target}.", next_step=f"Name a folder with code in: {known}.")
        files, problems = _understood(paths)
        if len(every) >= bounded.FILES:
            problems.append(Problem(".", f"more than {bounded.FILES:,} files: the rest was not read"))
        code = Code(tuple(files), origin(target), self._owners(target))
        return Reading(code, self.now(), tuple(problems), not problems, _problems(skipped))

    def facts(self, reading: Reading[Code]) -> tuple[Fact, ...]:
        """Say what the code holds."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        where = reading.raw.origin
        repository = ledger.thing(where.iri, Kind.REPOSITORY, where.name)
        for file in reading.raw.files:
            iri = ledger.thing(where.file(file.path), Kind.SOURCE_FILE, where.path(file.path), file.path)
            ledger.say(iri, terms.PART_OF, repository, evidence=file.path)
            ledger.say(iri, terms.LANGUAGE, file.language, evidence=file.path)
            ledger.say(iri, terms.OTEL_CODE_FILE_PATH, where.path(file.path), evidence=file.path)
            owner = None if is_test(file.path) else owner_of(where.path(file.path), reading.raw.owners)
            if owner is not None:
                ledger.thing(owner.service, Kind.SERVICE, owner.name, file.path)
                ledger.say(iri, terms.IMPLEMENTS, owner.service, evidence=file.path)
            for symbol in file.module.symbols:
                _write_symbol(ledger, where, file, iri, symbol)
                _write_flags(ledger, file, _symbol_iri(where, file, iri, symbol), symbol, self.environment)
                if owner is not None:
                    _write_owned(ledger, file, _symbol_iri(where, file, iri, symbol), symbol, owner)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _owners(self, target: Path) -> dict[str, Owner]:
        """Return whose code the folders are, by the Compose files in the target and by what we were told."""
        known = owners_below(target, self.environment, self.redact, self.now)
        told = {path: Owner(iris.service(name, self.environment), name) for path, name in self.services.items()}
        return known | told


def _left_out(path: Path) -> str:
    """Return why a file is left out on purpose; empty when it is read."""
    if path.name.endswith(MADE):
        return "written by a program"
    large = is_configuration(path.name) and path.exists() and path.stat().st_size > bounded.SIZE
    return "too large for configuration" if large else ""


def _problems(reasons: Mapping[str, str]) -> tuple[Problem, ...]:
    return tuple(Problem(name, reason) for name, reason in reasons.items())


def _understood(paths: Mapping[str, Path]) -> tuple[list[SourceFile], list[Problem]]:
    """Return the files of all languages, understood, and those that are set aside with the reason."""
    problems: list[Problem] = []
    texts: dict[str, dict[str, str]] = {}
    for name, path in paths.items():
        text = bounded.text_of(path, name)
        if isinstance(text, Problem):
            problems.append(text)
        else:
            texts.setdefault(suffix_of(name), {})[name] = text
    modules, wrong = understood(texts)
    files = [SourceFile(name, READERS[suffix_of(name)][0], module) for name, module in modules.items()]
    return sorted(files, key=lambda file: file.path), problems + wrong


def _write_symbol(ledger: Ledger, where: Origin, file: SourceFile, file_iri: Iri, symbol: Symbol) -> None:
    """Write down a function and what it reads; what stands outside any function is said of the file."""
    iri, evidence = file_iri, f"{file.path}:{symbol.line}"
    if symbol.name:
        iri = _symbol_iri(where, file, file_iri, symbol)
        ledger.thing(iri, Kind.FUNCTION, symbol.name, evidence)
        ledger.say(iri, terms.DEFINED_IN, file_iri, evidence=evidence)
        ledger.say(iri, terms.LINE, symbol.line, evidence=evidence)
        ledger.say(iri, terms.END_LINE, symbol.end_line, evidence=evidence)
        ledger.say(iri, terms.OTEL_CODE_FUNCTION_NAME, symbol.name, evidence=evidence)
    for read in symbol.reads:
        at = f"{file.path}:{read.line}"
        variable = _variable(ledger, where, read.name, at)
        ledger.say(iri, terms.READS_ENV, variable, evidence=at)
        if read.default is not None and not is_secret(read.name):
            ledger.say(variable, terms.DEFAULT_VALUE, read.default, evidence=at)
    for client in symbol.clients:
        at = f"{file.path}:{client.line}"
        for name in client.variables:
            ledger.say(iri, terms.CLIENT_OF, _variable(ledger, where, name, at), confidence=SURE, evidence=at)
        _write_hosts(ledger, iri, terms.CLIENT_OF, client.hosts, LIKELY, at)
    for host in symbol.hosts:
        _write_hosts(ledger, iri, terms.MENTIONS, [(host.host, host.port)], POSSIBLE, f"{file.path}:{host.line}")


def _write_flags(ledger: Ledger, file: SourceFile, iri: Iri, symbol: Symbol, environment: str) -> None:
    """Write down the feature flags that a function asks for."""
    for flag in symbol.flags:
        at = f"{file.path}:{flag.line}"
        key = ledger.thing(iris.thing("flag", environment, flag.name), Kind.FEATURE_FLAG, flag.name, at)
        ledger.say(key, terms.OTEL_FEATURE_FLAG_KEY, flag.name, evidence=at)
        ledger.say(iri, terms.READS_FLAG, key, evidence=at)


def _symbol_iri(where: Origin, file: SourceFile, file_iri: Iri, symbol: Symbol) -> Iri:
    """Return the IRI of a function; of the file for what stands outside any function."""
    if not symbol.name:
        return file_iri
    return iris.thing("code", where.repository, where.path(file.path), "fn", symbol.name)


def _write_owned(ledger: Ledger, file: SourceFile, iri: Iri, symbol: Symbol, owner: Owner) -> None:
    """Write down what a service's own code confirms: the setting that is read, and so the service that is called."""
    at = {read.name: read.line for read in symbol.reads}
    at |= {name: client.line for client in symbol.clients for name in client.variables}
    for name, line in at.items():
        evidence = f"{file.path}:{line}"
        if name in owner.settings:
            setting = ledger.thing(owner.settings[name], Kind.ENV_VAR, name, evidence)
            if any(read.name == name for read in symbol.reads):
                ledger.say(iri, terms.READS_ENV, setting, evidence=evidence)
            else:
                ledger.say(iri, terms.CLIENT_OF, setting, confidence=SURE, evidence=evidence)
        for other, label in owner.means.get(name, ()):
            ledger.thing(other, Kind.SERVICE, label, evidence)
            ledger.say(owner.service, terms.CALLS, other, confidence=SURE, evidence=evidence)


def _variable(ledger: Ledger, where: Origin, name: str, evidence: str) -> Iri:
    """Return the variable as this repository's code knows it; workloads set variables of the same label."""
    iri = ledger.thing(iris.thing("envname", where.repository, name), Kind.ENV_VAR, name, evidence)
    ledger.say(iri, terms.PART_OF, where.iri, evidence=evidence)
    return iri


def _write_hosts(
    ledger: Ledger,
    subject: Iri,
    predicate: Iri,
    hosts: Iterable[tuple[str, int | None]],
    confidence: float,
    evidence: str,
) -> None:
    """Write down the endpoints that code names."""
    for host, port in hosts:
        label = f"{host}:{port}" if port else host
        endpoint = ledger.thing(iris.thing("endpoint", host.lower(), str(port or "")), Kind.ENDPOINT, label, evidence)
        ledger.say(endpoint, terms.HOST, host, evidence=evidence)
        ledger.say(endpoint, terms.PORT, port, evidence=evidence)
        ledger.say(subject, predicate, endpoint, confidence=confidence, evidence=evidence)
