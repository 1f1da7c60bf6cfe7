"""Compose files as the Compose specification merges them: mappings by key, lists appended, commands replaced.

In: documents as parsed. Out: services in one shape, every setting with the line it stands at. Pure.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from scanners.bounded import Document
from scanners.protocol import Problem


@dataclass(frozen=True, slots=True)
class Value:
    """A setting as written, and where."""

    template: str | None
    """As written; None where the value comes from outside (`- CART_PORT`)."""
    evidence: str
    value: str | None = None
    """With variables filled in; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a service listens on."""

    target: int
    evidence: str


@dataclass(frozen=True, slots=True)
class PortText:
    """A line under `ports` or `expose`, as written."""

    text: str
    evidence: str

    def ports(self, fill: Callable[[str], str]) -> Iterator[Port]:
        """Yield the container ports, a range port by port.

        >>> [port.target for port in PortText("127.0.0.1:8000-8001:9000-9001/tcp", "").ports(str)]
        [9000, 9001]
        """
        last = fill(self.text).split("/", 1)[0].rsplit(":", 1)[-1]
        start, _, end = last.partition("-")
        if start.isdigit() and (not end or end.isdigit()):
            for port in range(int(start), min(int(end or start), int(start) + 100) + 1):
                yield Port(port, self.evidence)


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a Compose estate."""

    name: str
    evidence: str
    image: str = ""
    built: bool = False
    context: str = ""
    dockerfile: str = ""
    port_texts: tuple[PortText, ...] = ()
    ports: tuple[Port, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    env_files: tuple[str, ...] = ()
    depends_on: Mapping[str, str] = field(default_factory=dict)
    """Name of another service to where that stands."""
    aliases: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    health_check: str = ""
    memory_limit: str = ""
    cpu_limit: str = ""
    replicas: int | None = None
    restart: str = ""
    extends: str = ""
    extends_file: str = ""
    """File of the service that it extends; empty for its own estate."""
    profiles: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compose:
    """All files, merged."""

    project: str
    services: tuple[Service, ...]

    @property
    def env_files(self) -> tuple[str, ...]:
        """Every file that an `env_file` names."""
        return tuple(dict.fromkeys(name for service in self.services for name in service.env_files))


def merged(
    documents: Iterable[Document], others: Mapping[str, Document] = MappingProxyType({})
) -> tuple[Compose, tuple[Problem, ...]]:
    """Return the estate that the documents declare, later ones over earlier ones, and what was wrong in them.

    Args:
        documents: the files of the estate.
        others: path to a file that services extend, and that is no part of the estate.
    """
    services: dict[str, Service] = {}
    problems: list[Problem] = []
    project = ""
    for document in documents:
        project = project or _text(_mapping(document.content).get("name"))
        for name, part in _services(document, problems):
            services[name] = over(services[name], part) if name in services else part
    files = {path: dict(_services(document, problems)) for path, document in others.items()}
    every = (_extended(service, services, files) for service in services.values())
    return Compose("" if "$" in project else project, tuple(every)), tuple(problems)


def _services(document: Document, problems: list[Problem]) -> Iterator[tuple[str, Service]]:
    """Yield name and content of each service of a file; what is none is a problem."""
    if not isinstance(document.content, dict):
        problems.append(Problem(document.path, "is not a mapping, so it is no Compose file"))
        return
    declared = document.content.get("services") or {}
    if not isinstance(declared, dict):
        problems.append(Problem(document.at("services"), "`services` is not a mapping"))
        return
    for name, body in declared.items():
        if not isinstance(body, dict) and body is not None:
            problems.append(Problem(document.at(f"services/{name}"), f"service {name} is not a mapping"))
        else:
            yield name, _service(name, body or {}, document)


def included(document: Document) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the paths of the Compose files that a document includes, and of the env files for each."""
    for each in _sequence(_mapping(document.content).get("include")):
        paths = each.get("path") if isinstance(each, dict) else each
        told = _sequence(each.get("env_file")) if isinstance(each, dict) else ()
        for path in map(_text, _sequence(paths)):
            if path:
                yield _below(document, path), tuple(_below(document, _text(name)) for name in told)


def extended(document: Document) -> Iterator[str]:
    """Yield the paths of the files whose services a document's services extend."""
    for body in _mapping(_mapping(document.content).get("services")).values():
        if name := _text(_mapping(_mapping(body).get("extends")).get("file")):
            yield _below(document, name)


def _below(document: Document, name: str) -> str:
    """Return a path as seen from the scanned folder: what a file names lies beside it."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(document.path), name))


def over(base: Service, part: Service) -> Service:
    """Return the base with what the overlay says laid over it."""
    return replace(
        base,
        image=part.image or base.image,
        built=part.built or base.built,
        context=part.context or base.context,
        dockerfile=part.dockerfile or base.dockerfile,
        port_texts=tuple(dict.fromkeys((*base.port_texts, *part.port_texts))),
        environment={**base.environment, **part.environment},
        env_files=tuple(dict.fromkeys((*base.env_files, *part.env_files))),
        depends_on={**base.depends_on, **part.depends_on},
        aliases=tuple(dict.fromkeys((*base.aliases, *part.aliases))),
        command=part.command or base.command,
        health_check=part.health_check or base.health_check,
        memory_limit=part.memory_limit or base.memory_limit,
        cpu_limit=part.cpu_limit or base.cpu_limit,
        replicas=base.replicas if part.replicas is None else part.replicas,
        restart=part.restart or base.restart,
        extends=part.extends or base.extends,
        extends_file=part.extends_file if part.extends else base.extends_file,
        profiles=tuple(dict.fromkeys((*base.profiles, *part.profiles))),
        secrets=tuple(dict.fromkeys((*base.secrets, *part.secrets))),
        configs=tuple(dict.fromkeys((*base.configs, *part.configs))),
    )


def _extended(
    service: Service,
    here: Mapping[str, Service],
    files: Mapping[str, Mapping[str, Service]],
    above: tuple[Service, ...] = (),
) -> Service:
    """Return the service with what it extends filled in, and what that extends; a circle ends where it closes.

    Args:
        service: the service.
        here: the services of its own estate or file.
        files: path to the services of other files.
        above: the services that led here.
    """
    there = files.get(service.extends_file, {}) if service.extends_file else here
    base = there.get(service.extends)
    if base is None or base is service or base in above or len(above) > 20:
        return service
    base = _extended(base, there, files, (*above, service))
    whole = over(base, service)
    return replace(whole, name=service.name, evidence=service.evidence, profiles=service.profiles)


def _service(name: str, body: Mapping[str, Any], document: Document) -> Service:
    """Return one service of one file."""
    path = f"services/{name}"
    build = body.get("build")
    build = {"context": build} if isinstance(build, str) else _mapping(build)
    deploy = _mapping(body.get("deploy"))
    limits = _mapping(_mapping(deploy.get("resources")).get("limits"))
    health = _mapping(body.get("healthcheck")).get("test")
    extends = body.get("extends")
    return Service(
        name,
        document.at(path),
        image=_text(body.get("image")),
        built=bool(build),
        context=_context(document, context) if (context := _text(build.get("context"))) else "",
        dockerfile=_text(build.get("dockerfile")),
        port_texts=tuple(_ports(body, path, document)),
        environment=_environment(body.get("environment"), f"{path}/environment", document),
        env_files=tuple(
            _below(document, _text(each.get("path") if isinstance(each, dict) else each))
            for each in _sequence(body.get("env_file"))
        ),
        depends_on={
            other.partition(":")[0]: document.at(f"{path}/{section}/{key}")
            for section in ("links", "depends_on")
            for key, other in _names(body.get(section))
        },
        aliases=tuple(_aliases(body)),
        command=(*_words(body.get("entrypoint")), *_words(body.get("command"))),
        health_check=" ".join(_words(health)),
        memory_limit=_text(limits.get("memory") or body.get("mem_limit")),
        cpu_limit=_text(limits.get("cpus") or body.get("cpus")),
        replicas=_number(deploy.get("replicas", body.get("scale"))),
        restart=_text(body.get("restart")),
        extends=_text(extends.get("service") if isinstance(extends, dict) else extends),
        extends_file=_below(document, file) if (file := _text(_mapping(extends).get("file"))) else "",
        profiles=tuple(map(_text, _sequence(body.get("profiles")))),
        secrets=tuple(_sources(body.get("secrets"))),
        configs=tuple(_sources(body.get("configs"))),
    )


def _context(document: Document, context: str) -> str:
    """Return the build context as seen from the scanned folder; a remote or absolute one stays as written."""
    if "://" in context or context.startswith(("/", "git@", "$")):
        return context
    return _below(document, context or ".")


def _sources(raw: Any) -> Iterator[str]:
    """Yield the names of the secrets or configs that a service is given."""
    for each in _sequence(raw):
        if name := _text(each.get("source") if isinstance(each, dict) else each):
            yield name


def _environment(raw: Any, path: str, document: Document) -> dict[str, Value]:
    """Return the settings of a mapping or of a list of `NAME=value`."""
    found: dict[str, Value] = {}
    if isinstance(raw, dict):
        for name, value in raw.items():
            found[name] = Value(None if value is None else _text(value), document.at(f"{path}/{name}"))
    for index, line in enumerate(raw if isinstance(raw, list) else []):
        name, sign, value = _text(line).partition("=")
        if name:
            found[name.strip()] = Value(value if sign else None, document.at(f"{path}/{index}"))
    return found


def _ports(body: Mapping[str, Any], path: str, document: Document) -> Iterator[PortText]:
    """Yield the lines of `ports` and `expose`, short or long."""
    for key in ("ports", "expose"):
        for index, each in enumerate(_sequence(body.get(key))):
            text = _text(each.get("target") if isinstance(each, dict) else each)
            if text:
                yield PortText(text, document.at(f"{path}/{key}/{index}"))


def _aliases(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the other names of a service on its networks."""
    for key in ("container_name", "hostname"):
        if isinstance(body.get(key), str) and "$" not in body[key]:
            yield body[key]
    for network in _mapping(body.get("networks")).values():
        yield from (_text(alias) for alias in _sequence(_mapping(network).get("aliases")))


def _names(raw: Any) -> Iterator[tuple[str, str]]:
    """Yield key in the file and name, of a list of names or a mapping by name."""
    if isinstance(raw, dict):
        yield from ((name, name) for name in raw)
    elif isinstance(raw, list):
        yield from ((str(index), _text(name)) for index, name in enumerate(raw))


def _words(raw: Any) -> tuple[str, ...]:
    """Return a command as its words."""
    if isinstance(raw, list):
        return tuple(_text(word) for word in raw)
    if not isinstance(raw, str):
        return ()
    try:
        return tuple(shlex.split(raw))
    except ValueError:  # an open quote: the shell of the container may still make sense of it
        return tuple(re.split(r"\s+", raw.strip()))


def _text(raw: Any) -> str:
    """Return a scalar as Compose writes it; nothing for anything else."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw) if isinstance(raw, str | int | float) else ""


def _number(raw: Any) -> int | None:
    return int(raw) if isinstance(raw, int) or (isinstance(raw, str) and raw.isdigit()) else None


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _sequence(raw: Any) -> Sequence[Any]:
    return raw if isinstance(raw, list) else [] if raw is None else [raw]
