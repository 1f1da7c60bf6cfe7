"""Docker Compose: services, images, ports, settings, and who is told about whom.

All files of a project are read as one estate (`scanners.compose.files` says which), with `.env` filled in, with what
they include and what their services extend. Overlays and profiles that are not part of a running estate by their name
(tests, profiling) are left out, and said to be. The scope binding knows a project by its name: `compose:<project>`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from ontology import iris, terms
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners import bounded, edges
from scanners.binding import UNBOUND, Binding
from scanners.compose.files import Files, env_lines, not_running, projects, read_env
from scanners.compose.merge import Compose as Merged
from scanners.compose.merge import Service, Value, extended, included, merged
from scanners.edges import Component, Setting
from scanners.ledger import Ledger, write_edges, write_setting
from scanners.origin import Origin, origin, scope_of
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import expand
from scanners.roles import role
from scanners.secrecy import without_secrets


@dataclass(frozen=True, slots=True)
class Folder:
    """What was read of one project: the merged files, the variables of `.env`, and where they lie."""

    compose: Merged
    variables: Mapping[str, str]
    env_files: Mapping[str, tuple[tuple[str, str, int], ...]]
    """Path of an `env_file` to its settings: name, value, line."""
    origin: Origin
    """Of the scanned folder; paths are relative to it."""
    place: str = "."
    """Folder of the project in the scanned folder."""

    @property
    def project(self) -> str:
        """The name of the project: as it says, or the name of its folder."""
        inside = PurePosixPath(self.origin.path(self.place)).name
        return self.compose.project or inside or self.origin.name


@dataclass(frozen=True, slots=True)
class ComposeScanner:
    """Reads a folder of Compose files, or one such file."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    binding: Binding = field(default=UNBOUND, kw_only=True)
    name: str = "compose"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The last two parts of the folder's path."""
        return scope_of(self.target)

    def read(self) -> Reading[tuple[Folder, ...]]:
        """Read the Compose files and what they name.

        Raises:
            NotFound: there is no Compose file here.
        """
        target = bounded.folder(self.target)
        root = target if target.is_dir() else target.parent
        problems: list[Problem] = []
        skipped: list[Problem] = []
        with bounded.Parser() as parser:
            folders = tuple(_read(parser, root, files, problems, skipped) for files in projects(target))
        return Reading(folders, self.now(), tuple(problems), not problems, tuple(skipped))

    def facts(self, reading: Reading[tuple[Folder, ...]]) -> tuple[Fact, ...]:
        """Say what the files declare."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        for folder in reading.raw:
            environment = self.binding.environment(self.name, folder.project, other=self.environment)
            replace(self, environment=environment)._write(ledger, folder)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _write(self, ledger: Ledger, folder: Folder) -> None:
        """Write one project down."""
        project = folder.project
        project_iri = ledger.thing(
            iris.thing("compose-project", self.environment, project), Kind.COMPOSE_PROJECT, project
        )
        services = [_filled(service, folder) for service in folder.compose.services]
        names = _service_names(services)
        components = []
        for service in services:
            component = self._component(service, names[service.name], project)
            components.append(component)
            self._declare(ledger, service, component, project_iri, folder)
        for service, component in zip(services, components, strict=True):
            self._order(ledger, service, component, {each.name: names[each.name] for each in services})
        _write_edges(ledger, components, _hosts(services, components))

    def _component(self, service: Service, name: str, project: str) -> Component:
        """Return the service in the shape that edges are made from."""
        settings = tuple(
            Setting(
                iris.thing("env", self.environment, project, "compose", service.name, variable),
                variable,
                value.value or "",
                value.evidence,
            )
            for variable, value in service.environment.items()
        )
        return Component(
            iris.service(name, self.environment),
            name,
            role(service.image, service.name),
            frozenset(port.target for port in service.ports),
            settings,
            tuple(service.command),
            evidence=service.evidence,
        )

    def _declare(self, ledger: Ledger, service: Service, component: Component, project: Iri, folder: Folder) -> None:
        """Write down a service, its workload, image, ports and settings."""
        where = service.evidence
        ledger.thing(component.service, Kind.SERVICE, component.name, where)
        workload = iris.thing("workload", self.environment, folder.project, "compose", service.name)
        ledger.thing(workload, Kind.COMPOSE_SERVICE, service.name, where)
        ledger.say(workload, terms.IMPLEMENTS, component.service, evidence=where)
        ledger.say(workload, terms.PART_OF, project, evidence=where)
        ledger.say(component.service, terms.OTEL_SERVICE_NAME, component.name, evidence=where)
        if service.image:
            image = ledger.thing(iris.thing("image", service.image.lower()), Kind.IMAGE, service.image, where)
            ledger.say(workload, terms.USES_IMAGE, image, evidence=where)
        if service.dockerfile and (path := folder.origin.path(service.dockerfile)):
            dockerfile = ledger.thing(folder.origin.file(service.dockerfile), Kind.DOCKERFILE, path, where)
            ledger.say(workload, terms.BUILT_FROM, dockerfile, evidence=where)
        for port in service.ports:
            ledger.say(workload, terms.PORT, port.target, evidence=port.evidence)
            ledger.say(component.service, terms.PORT, port.target, evidence=port.evidence)
        ledger.say(workload, terms.MEMORY_LIMIT, service.memory_limit, evidence=where)
        ledger.say(workload, terms.CPU_LIMIT, service.cpu_limit, evidence=where)
        ledger.say(workload, terms.REPLICAS, service.replicas, evidence=where)
        ledger.say(workload, terms.RESTART_POLICY, service.restart, evidence=where)
        ledger.say(workload, terms.HEALTH_CHECK, service.health_check, evidence=where)
        ledger.say(workload, terms.COMMAND, " ".join(service.command), evidence=where)
        for kind, taken in ((Kind.SECRET, service.secrets), (Kind.CONFIG_FILE, service.configs)):
            for name in taken:
                config = iris.thing("config", self.environment, folder.project, kind.lower(), name)
                ledger.say(workload, terms.MOUNTS, ledger.thing(config, kind, name, where), evidence=where)
        for setting in component.settings:
            written = service.environment[setting.name]
            write_setting(ledger, workload, setting, written.template, written.value)

    def _order(self, ledger: Ledger, service: Service, component: Component, names: Mapping[str, str]) -> None:
        """Write down what a service waits for: a dependency, which is no call."""
        for other, where in service.depends_on.items():
            if other in names and names[other] != component.name:
                target = iris.service(names[other], self.environment)
                ledger.say(component.service, terms.DEPENDS_ON, target, evidence=where)


def _read(parser: bounded.Parser, root: Path, files: Files, problems: list[Problem], skipped: list[Problem]) -> Folder:
    """Read one project: its files, what they include, what their services extend, and the settings beside them."""
    documents: list[bounded.Document] = []
    others: dict[str, bounded.Document] = {}
    variables: dict[str, str] = {}
    skipped += files.skipped
    waiting = [bounded.shown(path, root) for path in files.chosen]
    seen = set(waiting)
    while waiting:
        for document in _parsed(parser, root, waiting.pop(0), problems):
            documents.append(document)
            for name, told in included(document):
                if name not in seen and _inside(root, name) and (root / name).is_file():
                    seen.add(name)
                    waiting.append(name)
                    for env in told or (posixpath.join(posixpath.dirname(name), ".env"),):
                        variables |= read_env(root / env) if _inside(root, env) else {}
    _read_extended(parser, root, documents, others, problems)
    compose, wrong = merged(documents, others)
    compose, left = _with_profiles(compose)
    problems += wrong
    skipped += left
    variables |= read_env(files.folder / ".env")
    env_files = {name: tuple(env_lines(root / name)) for name in compose.env_files if _inside(root, name)}
    return Folder(compose, variables, env_files, origin(root), files.folder.relative_to(root).as_posix())


def _parsed(parser: bounded.Parser, root: Path, name: str, problems: list[Problem]) -> tuple[bounded.Document, ...]:
    """Return what a file holds; a broken one is a problem."""
    found = parser.read(root / name, root)
    if isinstance(found, Problem):
        problems.append(found)
        return ()
    return tuple(each for each in found if each.content is not None)


def _read_extended(
    parser: bounded.Parser,
    root: Path,
    documents: Sequence[bounded.Document],
    others: dict[str, bounded.Document],
    problems: list[Problem],
) -> None:
    """Read the files whose services are extended, and those that these extend, into `others`."""
    waiting = [name for document in documents for name in extended(document)]
    while waiting:
        name = waiting.pop(0)
        if name not in others and _inside(root, name) and (root / name).is_file():
            for document in _parsed(parser, root, name, problems)[:1]:
                others[name] = document
                waiting += extended(document)


def _with_profiles(compose: Merged) -> tuple[Merged, tuple[Problem, ...]]:
    """Return the project without the services that only start for tests, debugging and the like."""
    left = [each for each in compose.services if each.profiles and all(map(not_running, each.profiles))]
    reason = "starts for the profile {} only, not part of the running estate"
    return replace(compose, services=tuple(each for each in compose.services if each not in left)), tuple(
        Problem(each.evidence, reason.format(" or ".join(each.profiles))) for each in left
    )


def _inside(root: Path, name: str) -> bool:
    """Say whether a path named by a file is one that a file system takes, and stays in the scanned folder."""
    sound = "\0" not in name and all(len(part) < 256 for part in name.split("/"))
    return sound and (root / name).resolve().is_relative_to(root.resolve())


def _filled(service: Service, folder: Folder) -> Service:
    """Return the service with its variables filled in from `.env` and its env files."""
    variables = folder.variables

    def fill(text: str) -> str:
        return expand(text, variables)

    context = service.context or posixpath.dirname(service.evidence)
    environment = dict(service.environment)
    for name in reversed(service.env_files):  # of two files, the later one counts
        for variable, value, line in reversed(folder.env_files.get(name, ())):
            environment.setdefault(variable, Value(value, f"{name}:{line}", value))
    return replace(
        service,
        image=fill(service.image),
        dockerfile=_dockerfile(fill(context), fill(service.dockerfile)) if service.built else "",
        ports=tuple(port for text in service.port_texts for port in text.ports(fill)),
        environment={
            variable: replace(value, value=variables.get(variable) if value.template is None else fill(value.template))
            for variable, value in environment.items()
        },
        command=tuple(fill(part) for part in service.command),
        health_check=fill(service.health_check),
        memory_limit=fill(service.memory_limit),
        cpu_limit=fill(service.cpu_limit),
    )


def _dockerfile(context: str, dockerfile: str) -> str:
    """Return the path of the Dockerfile relative to the folder; empty for a remote or absolute one."""
    if "://" in context or context.startswith(("/", "git@")):
        return ""
    return str(PurePosixPath(context or ".", dockerfile or "Dockerfile"))


def _service_names(services: list[Service]) -> dict[str, str]:
    """Return each service's name in telemetry: `OTEL_SERVICE_NAME` where it is its alone, else its own."""
    said = {
        service.name: value.value
        for service in services
        if (value := service.environment.get("OTEL_SERVICE_NAME")) is not None
        and value.value
        and "$" not in value.value
    }
    taken = [*said.values(), *(service.name for service in services if service.name not in said)]
    return {
        service.name: said[service.name]
        if service.name in said and taken.count(said[service.name]) == 1
        else service.name
        for service in services
    }


def _hosts(services: list[Service], components: list[Component]) -> dict[str, Iri]:
    """Return every name by which a service is reached: its own, its aliases, its container's."""
    hosts: dict[str, Iri] = {}
    for service, component in zip(services, components, strict=True):
        for alias in service.aliases:
            hosts.setdefault(alias.lower(), component.service)
    for service, component in zip(services, components, strict=True):
        hosts[service.name.lower()] = component.service
    return hosts


def _write_edges(ledger: Ledger, components: list[Component], hosts: Mapping[str, Iri]) -> None:
    """Write down who is told about whom."""
    names = edges.directory(hosts, components)
    components = [replace(each, ports=edges.own_ports(each, names)) for each in components]
    write_edges(ledger, edges.between(components, {"": edges.directory(hosts, components)}))
