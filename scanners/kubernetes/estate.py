"""The objects of one cluster together: who implements a service, stands behind a Kubernetes Service, knows of whom.

Manifests and the live API bring objects of the same shape, so that both mint the same names here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ontology import iris
from ontology.nouns import Iri
from scanners import edges
from scanners.edges import Component, Setting
from scanners.kubernetes.objects import Object
from scanners.kubernetes.selectors import Selector
from scanners.kubernetes.workloads import Container, K8sService, Workload, services, workloads
from scanners.references import Directory, expand
from scanners.roles import Role, role


class Estate:
    """What one environment of a cluster holds."""

    def __init__(self, every: Sequence[Object], environment: str, *, exact: bool = False) -> None:
        """Sort the objects and name the services.

        Args:
            every: the objects, one of each name.
            environment: the alias of the cluster, or what a namespace is bound to.
            exact: the namespaces are those that run, so that a bare name means the own namespace alone; a manifest
                may get its namespace only when it is applied.
        """
        self.objects = every
        self.environment = environment
        self.exact = exact
        self.workloads = workloads(every)
        self.services = services(every)
        self._local: dict[str, list[Workload]] = {}
        for workload in self.workloads:
            self._local.setdefault(workload.object.namespace, []).append(workload)
        self._behind = {service.object.key: tuple(self._selected(service)) for service in self.services}
        self._fronts: dict[tuple[str, str, str], list[K8sService]] = {}
        for service in self.services:
            for workload in self._behind[service.object.key]:
                self._fronts.setdefault(workload.object.key, []).append(service)
        self.names = {workload.object.key: self._name(workload) for workload in self.workloads}
        self.namespaces = {each.name: each.labels for each in every if each.kind == "Namespace"}
        self._components, self.directories = self._meet()

    def _selected(self, service: K8sService) -> Iterator[Workload]:
        return (each for each in self._local.get(service.object.namespace, ()) if service.selects(each))

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
        before = self._fronts.get(workload.object.key, [])
        if any(service.object.name == workload.object.name for service in before):
            return workload.object.name
        open_ones = [service for service in before if not service.headless] or before
        return open_ones[0].object.name if len(open_ones) == 1 else workload.object.name

    def iri(self, kind: str, each: Object, *more: str) -> Iri:
        """Return the IRI of an object, or of a part of it."""
        return iris.thing(kind, self.environment, each.namespace, each.kind.lower(), each.name, *more)

    def workload_iri(self, each: Object) -> Iri:
        """Return the IRI of a workload; a pod that nobody manages is a pod."""
        return self.pod_iri(each.namespace, each.name) if each.kind == "Pod" else self.iri("workload", each)

    def pod_iri(self, namespace: str, name: str) -> Iri:
        """Return the IRI of a pod."""
        return iris.thing("pod", self.environment, namespace, name)

    def namespace_iri(self, namespace: str) -> Iri:
        """Return the IRI of a namespace."""
        return iris.thing("namespace", self.environment, namespace)

    def named(self, kind: str, namespace: str, name: str) -> Iri:
        """Return the IRI of what the pods of a namespace know by its name alone: a service account, a volume."""
        return iris.thing(kind, self.environment, namespace, name)

    def config_iri(self, namespace: str, kind: str, *names: str) -> Iri:
        """Return the IRI of a config map or a secret, or of a key in it."""
        return iris.thing("config", self.environment, namespace, kind.lower(), *names)

    def service(self, workload: Workload) -> Iri:
        """Return the IRI of the service that a workload implements."""
        return iris.service(self.names[workload.object.key], self.environment)

    def behind(self, service: K8sService) -> tuple[Workload, ...]:
        """Return the workloads that a Kubernetes Service selects."""
        return self._behind[service.object.key]

    def chosen(self, selector: Selector, namespace: str) -> tuple[Workload, ...]:
        """Return the workloads of a namespace whose pods a selector fits."""
        return tuple(each for each in self._local.get(namespace, ()) if selector.fits(each.labels))

    def chosen_namespaces(self, selector: Selector) -> tuple[str, ...]:
        """Return the namespaces that a selector fits; every namespace has its own name as a label."""
        every = {*self.namespaces, *self._local}
        return tuple(
            name
            for name in sorted(every)
            if selector.fits({"kubernetes.io/metadata.name": name, **self.namespaces.get(name, {})})
        )

    def values(self, container: Container) -> dict[str, str]:
        """Return the settings of a container, `$(NAME)` filled in."""
        raw = {each.name: each.template for each in container.variables if each.template is not None}
        return {name: expand(value, raw) if "$(" in value else value for name, value in raw.items()}

    def edges(self) -> tuple[edges.Edge, ...]:
        """Return who is told about whom."""
        return tuple(edges.between(self._components, self.directories))

    def _meet(self) -> tuple[list[Component], dict[str, Directory]]:
        """Return the components with the ports they name themselves, and the names as each namespace sees them."""
        components = [self._component(workload) for workload in self.workloads]
        seen = self._directories(components)
        components = [replace(each, ports=edges.own_ports(each, seen[each.namespace])) for each in components]
        return components, self._directories(components)

    def _directories(self, components: Sequence[Component]) -> dict[str, Directory]:
        """Return namespace to the names as seen from it; a bare name of another namespace counts unless `exact`."""
        hosts: dict[str, Iri] = {}
        ports: dict[Iri, frozenset[int]] = {}
        for service in self.services:
            name, target = service.object.name, self.target(service)
            if not self.exact:
                hosts.setdefault(name, target)
            hosts[f"{name}.{service.object.namespace}"] = target
            ports[target] = ports.get(target, frozenset()) | {port for port, _, _ in service.ports}
        every = edges.directory(hosts, components, ports=ports)
        return {each.namespace: replace(every, namespace=each.namespace) for each in self.objects}

    def target(self, service: K8sService) -> Iri:
        """Return the one service behind a Kubernetes Service; one of its own name where none or several are."""
        found = {self.service(workload) for workload in self.behind(service)}
        return found.pop() if len(found) == 1 else iris.service(service.object.name, self.environment)

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
