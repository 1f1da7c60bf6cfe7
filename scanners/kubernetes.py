"""Kubernetes manifests and Helm renders: workloads, services, config maps, settings, and who is told about whom.

A folder of YAML, read to its bottom. Templates that are not rendered are left out, and said to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ontology import iris, terms
from ontology.errors import NotFound
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners import bounded, edges
from scanners.edges import Component, Setting
from scanners.kubernetes_objects import (
    Container,
    K8sService,
    Object,
    Variable,
    Workload,
    mapping,
    objects,
    routes,
    services,
    text,
    texts,
    workloads,
)
from scanners.ledger import Ledger, write_edges, write_setting
from scanners.origin import scope_of
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import SURE, addresses, expand
from scanners.roles import Role, role
from scanners.secrecy import without_secrets


@dataclass(frozen=True, slots=True)
class KubernetesScanner:
    """Reads a folder of manifests, or one file."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    name: str = "kubernetes"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The last two parts of the folder's path."""
        return scope_of(self.target)

    def read(self) -> Reading[tuple[Object, ...]]:
        """Read the manifests.

        Raises:
            NotFound: there is no YAML or JSON file here.
        """
        target = bounded.folder(self.target)
        paths = tuple(bounded.files(target, ".yaml", ".yml", ".json"))
        if not paths:
            raise NotFound(f"There is no manifest in {target}.", next_step="Name a folder of YAML files.")
        documents: list[bounded.Document] = []
        problems: list[Problem] = []
        skipped: list[Problem] = []
        with bounded.Parser() as parser:
            for path in paths:
                name = bounded.shown(path, target)
                content = bounded.text_of(path, name)
                if isinstance(content, Problem):
                    problems.append(content)
                elif "apiVersion" not in content:
                    continue
                elif isinstance(found := parser.parse(content, name), Problem):
                    template = "{{" in content
                    reason = "a template: render it first (helm template)" if template else found.reason
                    (skipped if template else problems).append(replace(found, reason=reason))
                else:
                    documents += found
        return Reading(objects(documents), self.now(), tuple(problems), not problems, tuple(skipped))

    def facts(self, reading: Reading[tuple[Object, ...]]) -> tuple[Fact, ...]:
        """Say what the manifests declare."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        estate = Estate(reading.raw, self.environment)
        for workload in estate.workloads:
            _write_workload(ledger, estate, workload)
        for service in estate.services:
            _write_service(ledger, estate, service)
        for each in estate.objects:
            _write_object(ledger, estate, each)
        write_edges(ledger, estate.edges())
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)


class Estate:
    """The manifests together: which service a workload implements, and what each container is told."""

    def __init__(self, every: Sequence[Object], environment: str) -> None:
        """Sort the manifests and name the services."""
        self.objects = every
        self.environment = environment
        self.workloads = workloads(every)
        self.services = services(every)
        self.names = {workload.object.key: self._name(workload) for workload in self.workloads}

    def _name(self, workload: Workload) -> str:
        """Return the service that a workload implements: by its telemetry, the Service before it, or its own name."""
        said = {
            variable.template
            for container in workload.containers
            for variable in container.variables
            if variable.name == "OTEL_SERVICE_NAME" and variable.template and "$" not in variable.template
        }
        if len(said) == 1:
            return said.pop()
        before = [service for service in self.services if service.selects(workload)]
        if any(service.object.name == workload.object.name for service in before):
            return workload.object.name
        open_ones = [service for service in before if not service.headless] or before
        return open_ones[0].object.name if len(open_ones) == 1 else workload.object.name

    def iri(self, kind: str, each: Object, *more: str) -> Iri:
        """Return the IRI of an object, or of a part of it."""
        return iris.thing(kind, self.environment, each.namespace, each.kind.lower(), each.name, *more)

    def service(self, workload: Workload) -> Iri:
        """Return the IRI of the service that a workload implements."""
        return iris.service(self.names[workload.object.key], self.environment)

    def behind(self, service: K8sService) -> tuple[Workload, ...]:
        """Return the workloads that a Kubernetes Service selects."""
        return tuple(workload for workload in self.workloads if service.selects(workload))

    def values(self, container: Container) -> dict[str, str]:
        """Return the settings of a container, `$(NAME)` filled in."""
        raw = {each.name: each.template for each in container.variables if each.template is not None}
        return {name: expand(value, raw) if "$(" in value else value for name, value in raw.items()}

    def edges(self) -> tuple[edges.Edge, ...]:
        """Return who is told about whom."""
        components = [self._component(workload) for workload in self.workloads]
        hosts: dict[str, Iri] = {}
        ports: dict[Iri, frozenset[int]] = {}
        for service in self.services:
            for target in self._targets(service):
                name = service.object.name
                hosts.setdefault(name, target)
                hosts[f"{name}.{service.object.namespace}"] = target
                ports[target] = ports.get(target, frozenset()) | {port for port, _, _ in service.ports}
        plain = edges.directory(hosts, components, ports=ports)
        components = [replace(each, ports=edges.own_ports(each, plain)) for each in components]
        return tuple(
            edges.between(
                components,
                {
                    namespace: edges.directory(hosts, components, ports=ports, namespace=namespace)
                    for namespace in {component.namespace for component in components}
                },
            )
        )

    def _targets(self, service: K8sService) -> tuple[Iri, ...]:
        """Return the one service behind a Kubernetes Service; one of its own name where nothing is selected."""
        found = {self.service(workload) for workload in self.behind(service)}
        return (found.pop(),) if len(found) == 1 else (iris.service(service.object.name, self.environment),)

    def target(self, service: K8sService) -> Iri:
        """Return the service that is reached through a Kubernetes Service."""
        return self._targets(service)[0]

    def _component(self, workload: Workload) -> Component:
        main = [each for each in workload.containers if not each.init]
        name = self.names[workload.object.key]
        roles = [role(each.image, each.name) for each in main]
        known = next((each for each in roles if each is not Role.APPLICATION), Role.APPLICATION)
        return Component(
            self.service(workload),
            name,
            known if len(main) == 1 else role("", name) if known is Role.APPLICATION else _main_role(roles, name),
            frozenset(port for each in main for port, _ in each.ports),
            tuple(
                Setting(self.iri("env", workload.object, each.name, variable), variable, value, _where(each, variable))
                for each in workload.containers
                for variable, value in self.values(each).items()
            ),
            tuple(word for each in main for word in each.command),
            tuple(" ".join(each.command) for each in workload.containers if each.init),
            workload.object.at(),
            workload.object.namespace,
        )


def _main_role(roles: Sequence[Role], name: str) -> Role:
    """Return what a pod of several containers is for: a telemetry sidecar does not make it telemetry."""
    if role("", name) is not Role.APPLICATION:
        return role("", name)
    if Role.TELEMETRY in roles and any(each is not Role.TELEMETRY for each in roles):
        return next(each for each in roles if each is not Role.TELEMETRY)
    return roles[0]


def _where(container: Container, name: str) -> str:
    return next(each.evidence for each in container.variables if each.name == name)


def _write_workload(ledger: Ledger, estate: Estate, workload: Workload) -> None:
    """Write down a workload, its namespace, its containers and the service it implements."""
    each, where = workload.object, workload.object.at()
    iri = ledger.thing(estate.iri("workload", each), workload.kind, each.name, where)
    namespace = iris.thing("namespace", estate.environment, each.namespace)
    ledger.thing(namespace, Kind.NAMESPACE, each.namespace, where)
    ledger.say(iri, terms.PART_OF, namespace, evidence=where)
    name = estate.names[each.key]
    service = ledger.thing(estate.service(workload), Kind.SERVICE, name, where)
    ledger.say(iri, terms.IMPLEMENTS, service, evidence=where)
    ledger.say(service, terms.OTEL_SERVICE_NAME, name, evidence=where)
    ledger.say(iri, terms.REPLICAS, workload.replicas, evidence=each.at("spec/replicas"))
    for key, value in workload.labels.items():
        ledger.say(iri, terms.LABEL_KV, f"{key}={value}", evidence=where)
    for kind, names in ((Kind.CONFIG_MAP, workload.config_maps), (Kind.SECRET, workload.secrets)):
        for other in names:
            config = ledger.thing(config_iri(estate.environment, each.namespace, kind, other), kind, other, where)
            ledger.say(iri, terms.MOUNTS, config, evidence=where)
    if workload.service_account:
        account = iris.thing("service-account", estate.environment, each.namespace, workload.service_account)
        ledger.thing(account, Kind.SERVICE_ACCOUNT, workload.service_account, where)
        ledger.say(iri, terms.RUNS_AS, account, evidence=where)
    for container in workload.containers:
        _write_container(ledger, estate, workload, container, iri)


def _write_container(ledger: Ledger, estate: Estate, workload: Workload, container: Container, owner: Iri) -> None:
    """Write down a container, its image, ports, limits and settings."""
    where = container.evidence
    iri = ledger.thing(estate.iri("container", workload.object, container.name), Kind.CONTAINER, container.name, where)
    ledger.say(iri, terms.PART_OF, owner, evidence=where)
    if container.image:
        image = ledger.thing(iris.thing("image", container.image.lower()), Kind.IMAGE, container.image, where)
        ledger.say(iri, terms.USES_IMAGE, image, evidence=where)
        ledger.say(owner, terms.USES_IMAGE, image, evidence=where)
    for port, _ in container.ports:
        ledger.say(iri, terms.PORT, port, evidence=where)
    ledger.say(iri, terms.COMMAND, " ".join(container.command), evidence=where)
    ledger.say(iri, terms.MEMORY_LIMIT, container.limits.get("memory"), evidence=where)
    ledger.say(iri, terms.CPU_LIMIT, container.limits.get("cpu"), evidence=where)
    ledger.say(iri, terms.MEMORY_REQUEST, container.requests.get("memory"), evidence=where)
    ledger.say(iri, terms.CPU_REQUEST, container.requests.get("cpu"), evidence=where)
    values = estate.values(container)
    for variable in container.variables:
        setting = Setting(
            estate.iri("env", workload.object, container.name, variable.name),
            variable.name,
            values.get(variable.name, ""),
            variable.evidence,
        )
        write_setting(ledger, iri, setting, variable.template, values.get(variable.name))
        ledger.say(owner, terms.SETS_ENV, setting.iri, evidence=variable.evidence)
        _write_source(ledger, estate, workload, variable, setting)


def _write_source(ledger: Ledger, estate: Estate, workload: Workload, variable: Variable, setting: Setting) -> None:
    """Write down which key of which config map or secret a setting comes from."""
    if variable.config:
        kind = "Secret" if variable.secret else "ConfigMap"
        config = config_iri(estate.environment, workload.object.namespace, kind, variable.config)
        key = config_iri(estate.environment, workload.object.namespace, kind, variable.config, variable.key)
        ledger.thing(config, Kind.SECRET if variable.secret else Kind.CONFIG_MAP, variable.config, variable.evidence)
        ledger.thing(key, Kind.CONFIG_KEY, variable.key, variable.evidence)
        ledger.say(config, terms.HAS_KEY, key, evidence=variable.evidence)
        ledger.say(setting.iri, terms.FROM_CONFIG, key, evidence=variable.evidence)


def _write_service(ledger: Ledger, estate: Estate, service: K8sService) -> None:
    """Write down a Kubernetes Service, its ports, whom it selects, and the service that is reached through it."""
    each, where = service.object, service.object.at()
    iri = ledger.thing(estate.iri("k8s-service", each), Kind.K8S_SERVICE, each.name, where)
    namespace = ledger.thing(
        iris.thing("namespace", estate.environment, each.namespace), Kind.NAMESPACE, each.namespace, where
    )
    ledger.say(iri, terms.PART_OF, namespace, evidence=where)
    target = estate.target(service)
    if not estate.behind(service):
        ledger.thing(target, Kind.SERVICE, each.name, where)
    ledger.say(iri, terms.ROUTES_TO, target, evidence=where)
    for workload in estate.behind(service):
        ledger.say(iri, terms.SELECTS, estate.iri("workload", workload.object), evidence=where)
    ledger.say(
        iri, terms.RESOURCE_TYPE, text(mapping(each.body.get("spec")).get("type")) or "ClusterIP", evidence=where
    )
    named = {
        name: port for workload in estate.behind(service) for box in workload.containers for port, name in box.ports
    }
    for port, goal, protocol in service.ports:
        inside = int(goal) if goal.isdigit() else named.get(goal)
        endpoint = estate.iri("endpoint", each, str(port), protocol.lower())
        ledger.thing(endpoint, Kind.ENDPOINT, f"{each.name}:{port}", where)
        ledger.say(endpoint, terms.EXPOSES, iri, evidence=where)
        ledger.say(endpoint, terms.PORT, port, evidence=where)
        ledger.say(endpoint, terms.TARGET_PORT, inside, evidence=where)
        ledger.say(endpoint, terms.PROTOCOL, protocol, evidence=where)
        ledger.say(iri, terms.PORT, port, evidence=where)
        ledger.say(target, terms.PORT, port, evidence=where)


def config_iri(environment: str, namespace: str, kind: str, *names: str) -> Iri:
    """Return the IRI of a config map or a secret, or of a key in it."""
    return iris.thing("config", environment, namespace, kind.lower(), *names)


def _write_object(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write down what is neither workload nor service: config, ingresses, scaling."""
    where = each.at()
    if each.kind in ("ConfigMap", "Secret"):
        _write_config(ledger, estate, each)
    elif each.kind in ("Ingress", "HTTPRoute", "GRPCRoute", "TCPRoute", "VirtualService", "IngressRoute"):
        iri = ledger.thing(estate.iri("ingress", each), Kind.INGRESS, each.name, where)
        for service in estate.services:
            if service.object.namespace == each.namespace and service.object.name in routes(each):
                ledger.say(iri, terms.ROUTES_TO, estate.iri("k8s-service", service.object), evidence=where)
    elif each.kind == "HorizontalPodAutoscaler":
        spec = mapping(each.body.get("spec"))
        iri = ledger.thing(estate.iri("autoscaler", each), Kind.HORIZONTAL_POD_AUTOSCALER, each.name, where)
        for key, predicate in (("minReplicas", terms.MIN_REPLICAS), ("maxReplicas", terms.MAX_REPLICAS)):
            value = text(spec.get(key))
            ledger.say(iri, predicate, int(value) if value.isdigit() else None, evidence=each.at(f"spec/{key}"))
        goal = mapping(spec.get("scaleTargetRef"))
        for workload in estate.workloads:
            if workload.object.key == (each.namespace, text(goal.get("kind")), text(goal.get("name"))):
                ledger.say(iri, terms.SELECTS, estate.iri("workload", workload.object), evidence=where)


def _write_config(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write down a config map's keys and the services its text names; of a secret the names of its keys only."""
    secret = each.kind == "Secret"
    iri = config_iri(estate.environment, each.namespace, each.kind, each.name)
    ledger.thing(iri, Kind.SECRET if secret else Kind.CONFIG_MAP, each.name, each.at())
    ports: Mapping[str, tuple[Iri, frozenset[int]]] = {
        service.object.name: (estate.target(service), frozenset(port for port, _, _ in service.ports))
        for service in estate.services
        if service.object.namespace == each.namespace
    }
    for section in ("data", "stringData", "binaryData"):
        for key, value in texts(each.body.get(section)).items():
            where = each.at(f"{section}/{key}")
            key_iri = config_iri(estate.environment, each.namespace, each.kind, each.name, key)
            ledger.thing(key_iri, Kind.CONFIG_KEY, key, where)
            ledger.say(iri, terms.HAS_KEY, key_iri, evidence=where)
            for address in addresses(value) if not secret else ():
                target, listening = ports.get(address.host.split(".", 1)[0].lower(), (None, frozenset[int]()))
                if target is not None and address.port in listening:
                    ledger.say(key_iri, terms.MENTIONS, target, confidence=SURE, evidence=where)
