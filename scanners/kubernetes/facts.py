"""What the objects of a cluster declare, as facts: workloads, containers, settings, Services, config, storage, scaling.

Manifests and the live API write through here, so that both say the same of the same thing.
"""

from __future__ import annotations

from ontology import iris, terms
from ontology.nouns import Iri
from ontology.terms import Kind
from scanners.edges import Setting
from scanners.kubernetes.estate import Estate
from scanners.kubernetes.network import write_network
from scanners.kubernetes.objects import Object, mapping, number, text, texts
from scanners.kubernetes.workloads import Container, K8sService, Variable, Workload
from scanners.ledger import Ledger, write_edges, write_setting
from scanners.references import SURE, addresses

_VERSION_LABEL = "app.kubernetes.io/version"


def write_estate(ledger: Ledger, estate: Estate) -> None:
    """Write down what the objects declare."""
    for workload in estate.workloads:
        _write_workload(ledger, estate, workload)
    for service in estate.services:
        _write_service(ledger, estate, service)
    for each in estate.objects:
        _write_object(ledger, estate, each)
        write_network(ledger, estate, each)
    write_edges(ledger, estate.edges())


def write_namespace(ledger: Ledger, estate: Estate, name: str, where: str) -> Iri:
    """Write down a namespace."""
    iri = ledger.thing(estate.namespace_iri(name), Kind.NAMESPACE, name, where)
    ledger.say(iri, terms.OTEL_K8S_NAMESPACE_NAME, name, evidence=where)
    return iri


def _write_workload(ledger: Ledger, estate: Estate, workload: Workload) -> None:
    """Write down a workload, its namespace, its containers and the service it implements."""
    each, where = workload.object, workload.object.at()
    iri = ledger.thing(estate.workload_iri(each), workload.kind, each.name, where)
    ledger.say(iri, terms.PART_OF, write_namespace(ledger, estate, each.namespace, where), evidence=where)
    name = estate.names[each.key]
    service = ledger.thing(estate.service(workload), Kind.SERVICE, name, where)
    ledger.say(iri, terms.IMPLEMENTS, service, evidence=where)
    ledger.say(service, terms.OTEL_SERVICE_NAME, name, evidence=where)
    ledger.say(iri, terms.REPLICAS, workload.replicas, evidence=each.at("spec/replicas"))
    for key, value in workload.labels.items():
        ledger.say(iri, terms.LABEL_KV, f"{key}={value}", evidence=where)
    ledger.say(service, terms.OTEL_SERVICE_VERSION, workload.labels.get(_VERSION_LABEL), evidence=where)
    ledger.say(iri, terms.SCHEDULE, text(each.spec.get("schedule")), evidence=each.at("spec/schedule"))
    _write_mounts(ledger, estate, workload, iri)
    for container in workload.containers:
        _write_container(ledger, estate, workload, container, iri)


def _write_mounts(ledger: Ledger, estate: Estate, workload: Workload, iri: Iri) -> None:
    """Write down the config maps, secrets and volumes that a workload takes, and as whom it runs."""
    namespace, where = workload.object.namespace, workload.object.at()
    for kind, names in ((Kind.CONFIG_MAP, workload.config_maps), (Kind.SECRET, workload.secrets)):
        for name in names:
            config = ledger.thing(estate.config_iri(namespace, kind, name), kind, name, where)
            ledger.say(iri, terms.MOUNTS, config, evidence=where)
    for name in workload.claims:
        volume = ledger.thing(estate.named("volume", namespace, name), Kind.VOLUME, name, where)
        ledger.say(iri, terms.MOUNTS, volume, evidence=where)
    if workload.service_account:
        account = estate.named("service-account", namespace, workload.service_account)
        ledger.thing(account, Kind.SERVICE_ACCOUNT, workload.service_account, where)
        ledger.say(iri, terms.RUNS_AS, account, evidence=where)


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
        kind = Kind.SECRET if variable.secret else Kind.CONFIG_MAP
        config = estate.config_iri(workload.object.namespace, kind, variable.config)
        key = estate.config_iri(workload.object.namespace, kind, variable.config, variable.key)
        ledger.thing(config, kind, variable.config, variable.evidence)
        ledger.thing(key, Kind.CONFIG_KEY, variable.key, variable.evidence)
        ledger.say(config, terms.HAS_KEY, key, evidence=variable.evidence)
        ledger.say(setting.iri, terms.FROM_CONFIG, key, evidence=variable.evidence)


def _write_service(ledger: Ledger, estate: Estate, service: K8sService) -> None:
    """Write down a Kubernetes Service, its ports, whom it selects, and the service that is reached through it."""
    each, where = service.object, service.object.at()
    iri = ledger.thing(estate.iri("k8s-service", each), Kind.K8S_SERVICE, each.name, where)
    ledger.say(iri, terms.PART_OF, write_namespace(ledger, estate, each.namespace, where), evidence=where)
    target = estate.target(service)
    if target not in {estate.service(workload) for workload in estate.behind(service)}:
        ledger.thing(target, Kind.SERVICE, each.name, where)
    ledger.say(iri, terms.ROUTES_TO, target, evidence=where)
    for workload in estate.behind(service):
        ledger.say(iri, terms.SELECTS, estate.workload_iri(workload.object), evidence=where)
    ledger.say(iri, terms.RESOURCE_TYPE, text(each.spec.get("type")) or "ClusterIP", evidence=where)
    _write_ports(ledger, estate, service, iri)


def _write_ports(ledger: Ledger, estate: Estate, service: K8sService, iri: Iri) -> None:
    """Write down the ports of a Kubernetes Service, and where each leads."""
    each, where, target = service.object, service.object.at(), estate.target(service)
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


def _write_object(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write down what is neither workload nor service: namespaces, accounts, config, storage, scaling."""
    where = each.at()
    if each.kind in ("ConfigMap", "Secret"):
        _write_config(ledger, estate, each)
    elif each.kind == "Namespace":
        iri = write_namespace(ledger, estate, each.name, where)
        for key, value in each.labels.items():
            ledger.say(iri, terms.LABEL_KV, f"{key}={value}", evidence=where)
    elif each.kind == "ServiceAccount":
        ledger.thing(estate.named("service-account", each.namespace, each.name), Kind.SERVICE_ACCOUNT, each.name, where)
    elif each.kind == "PersistentVolumeClaim":
        _write_claim(ledger, estate, each)
    elif each.kind == "HorizontalPodAutoscaler":
        _write_autoscaler(ledger, estate, each)


def _write_claim(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write down a claim of storage: its class and how much it asks for."""
    iri = ledger.thing(estate.named("volume", each.namespace, each.name), Kind.VOLUME, each.name, each.at())
    namespace = write_namespace(ledger, estate, each.namespace, each.at())
    ledger.say(iri, terms.PART_OF, namespace, evidence=each.at())
    asked = mapping(mapping(each.spec.get("resources")).get("requests")).get("storage")
    ledger.say(iri, terms.STORAGE_REQUEST, text(asked), evidence=each.at("spec/resources/requests/storage"))
    ledger.say(iri, terms.RESOURCE_TYPE, text(each.spec.get("storageClassName")), evidence=each.at())


def _write_autoscaler(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write down between how many replicas an autoscaler keeps which workload."""
    iri = ledger.thing(estate.iri("autoscaler", each), Kind.HORIZONTAL_POD_AUTOSCALER, each.name, each.at())
    for key, predicate in (("minReplicas", terms.MIN_REPLICAS), ("maxReplicas", terms.MAX_REPLICAS)):
        ledger.say(iri, predicate, number(each.spec.get(key)), evidence=each.at(f"spec/{key}"))
    goal = mapping(each.spec.get("scaleTargetRef"))
    for workload in estate.workloads:
        if workload.object.key == (each.namespace, text(goal.get("kind")), text(goal.get("name"))):
            ledger.say(iri, terms.SELECTS, estate.workload_iri(workload.object), evidence=each.at())


def _write_config(ledger: Ledger, estate: Estate, each: Object) -> None:
    """Write down a config map's keys and the services its text names; of a secret the names of its keys only."""
    kind = Kind.SECRET if each.kind == "Secret" else Kind.CONFIG_MAP
    iri = ledger.thing(estate.config_iri(each.namespace, each.kind, each.name), kind, each.name, each.at())
    for section in ("data", "stringData", "binaryData"):
        for key, value in texts(each.body.get(section)).items():
            where = each.at(f"{section}/{key}")
            key_iri = estate.config_iri(each.namespace, each.kind, each.name, key)
            ledger.thing(key_iri, Kind.CONFIG_KEY, key, where)
            ledger.say(iri, terms.HAS_KEY, key_iri, evidence=where)
            if section == "data" and kind is Kind.CONFIG_MAP:
                _write_mentions(ledger, estate, each, key_iri, value, where)


def _write_mentions(ledger: Ledger, estate: Estate, each: Object, key: Iri, value: str, where: str) -> None:
    """Write down the services that a config map's text names with a port on which they listen."""
    names = estate.directories[each.namespace]
    for address in addresses(value):
        target = names.find(address.host) if address.port else None
        if target is not None and address.port in target.ports:
            ledger.say(key, terms.MENTIONS, target.service, confidence=SURE, evidence=where)
