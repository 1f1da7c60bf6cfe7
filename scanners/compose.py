"""Docker Compose: services, images, ports, settings, and who is told about whom.

All files of the folder are read as one estate: the base file, the overlays by name, `compose.override` last,
with `.env` filled in. Overlays that are not part of a running estate by their name (tests, profiling) are
left out, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ontology import iris, terms
from ontology.errors import NotFound
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners import bounded, edges
from scanners.compose_merge import Compose as Merged
from scanners.compose_merge import Service, Value, included, merged
from scanners.edges import Component, Setting
from scanners.ledger import Ledger, write_edges, write_setting
from scanners.origin import Origin, origin, scope_of
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import expand
from scanners.roles import role
from scanners.secrecy import without_secrets

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""Names of the base file, the first that is there."""
_OVERLAY = re.compile(r"^(?:docker-)?compose[.\-_](?P<purpose>[\w.\-]+)\.ya?ml$")
_NOT_RUNNING = re.compile(
    r"(^|[._\-])(tests?|testing|e2e|ci|cypress|profil(e|er|ing)|debug|bench(mark)?|lint)([._\-]|$)"
)


@dataclass(frozen=True, slots=True)
class Folder:
    """What was read: the merged files, the variables of `.env`, and where they lie."""

    compose: Merged
    variables: Mapping[str, str]
    env_files: Mapping[str, Mapping[str, str]]
    """Path as written in `env_file` to its settings."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class ComposeScanner:
    """Reads a folder of Compose files, or one such file."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    name: str = "compose"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The last two parts of the folder's path."""
        return scope_of(self.target)

    def read(self) -> Reading[Folder]:
        """Read the Compose files and what they name.

        Raises:
            NotFound: there is no Compose file here.
        """
        target = bounded.folder(self.target)
        chosen, skipped = compose_files(target)
        base = target if target.is_dir() else target.parent
        documents: list[bounded.Document] = []
        problems: list[Problem] = []
        waiting, seen = list(chosen), set(chosen)
        with bounded.Parser() as parser:
            while waiting:
                found = parser.read(waiting.pop(0), base)
                if isinstance(found, Problem):
                    problems.append(found)
                    continue
                documents += [each for each in found if each.content is not None]
                more = [base / name for each in found for name in included(each) if _inside(base, name)]
                waiting += [path for path in more if path.is_file() and path not in seen]
                seen |= set(more)
        compose, wrong = merged(documents)
        variables = read_env(base / ".env")
        env_files = {name: read_env(base / name) for name in compose.env_files if _inside(base, name)}
        folder = Folder(compose, variables, env_files, origin(base))
        problems += wrong
        return Reading(folder, self.now(), tuple(problems), not problems, skipped)

    def facts(self, reading: Reading[Folder]) -> tuple[Fact, ...]:
        """Say what the files declare."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        folder = reading.raw
        project = folder.compose.project or folder.origin.name
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
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

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
        workload = iris.thing(
            "workload", self.environment, folder.compose.project or folder.origin.name, "compose", service.name
        )
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
        for setting in component.settings:
            written = service.environment[setting.name]
            write_setting(ledger, workload, setting, written.template, written.value)

    def _order(self, ledger: Ledger, service: Service, component: Component, names: Mapping[str, str]) -> None:
        """Write down what a service waits for: a dependency, which is no call."""
        for other, where in service.depends_on.items():
            if other in names and names[other] != component.name:
                target = iris.service(names[other], self.environment)
                ledger.say(component.service, terms.DEPENDS_ON, target, evidence=where)


def compose_files(target: Path) -> tuple[tuple[Path, ...], tuple[Problem, ...]]:
    """Return the files that make up the estate, in the order they are merged, and those left out.

    Raises:
        NotFound: there is none.
    """
    if target.is_file():
        return (target,), ()
    present = {path.name: path for path in sorted(target.iterdir()) if path.is_file()}
    base = [present[name] for name in COMPOSE_FILES if name in present][:1]
    overlays = [(match["purpose"], path) for name, path in present.items() if (match := _OVERLAY.match(name))]
    running = [(purpose, path) for purpose, path in overlays if not base or not _NOT_RUNNING.search(purpose)]
    if not base and not running:
        below = sorted({path.parent.relative_to(target).as_posix() for path in bounded.files(target, *COMPOSE_FILES)})
        hint = f"Scan one of: {', '.join(below[:5])}." if below else "Name a folder that holds a compose.yaml."
        raise NotFound(f"There is no Compose file in {target}.", next_step=hint)
    running.sort(key=lambda pair: (pair[0] == "override", pair[0]))
    chosen = (*base, *(path for _, path in running))
    skipped = tuple(
        Problem(path.name, f"an overlay for {purpose}, not part of the running estate")
        for purpose, path in overlays
        if path not in chosen
    )
    return chosen, skipped


def read_env(path: Path) -> dict[str, str]:
    """Return the settings of a `.env` file, earlier ones filled into later ones; a missing file has none."""
    text = bounded.text_of(path, path.name) if path.is_file() else ""
    found: dict[str, str] = {}
    for line in ("" if isinstance(text, Problem) else text).splitlines():
        match = re.match(r"^\s*(?:export\s+)?([A-Za-z_][\w.\-]*)\s*=\s*(.*?)\s*$", line)
        if match is None:
            continue
        name, value = match.groups()
        quote = value[:1]
        if quote in ("'", '"') and quote in value[1:]:
            value = value[1 : value.index(quote, 1)]
        else:
            value = re.split(r"(?:^|\s+)#", value, maxsplit=1)[0]
        found[name] = value if quote == "'" else expand(value, found)
    return found


def _inside(base: Path, name: str) -> bool:
    """Say whether a path named by a file stays in the folder."""
    return (base / name).resolve().is_relative_to(base.resolve())


def _filled(service: Service, folder: Folder) -> Service:
    """Return the service with its variables filled in from `.env` and its env files."""
    variables = folder.variables

    def fill(text: str) -> str:
        return expand(text, variables)

    environment = dict(service.environment)
    for name in service.env_files:
        for variable, value in folder.env_files.get(name, {}).items():
            environment.setdefault(variable, Value(value, name, value))
    return replace(
        service,
        image=fill(service.image),
        dockerfile=_dockerfile(fill(service.context), fill(service.dockerfile)) if service.built else "",
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
