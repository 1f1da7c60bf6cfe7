"""Every class and property of the ontology as a constant.

A kind is the local name of a class (`Kind.SERVICE == "Service"`); a predicate is a full IRI. What a
word means, its domain and its range stand in the `.ttl` files; a test holds the two together both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from ontology.iris import OTEL, PROV, RDF, RDFS, WB
from ontology.nouns import Iri, Layer


class Kind(StrEnum):
    """Local names of the classes.

    >>> Kind.SERVICE == "Service"
    True
    """

    # infrastructure.ttl
    THING = "Thing"
    INSTANCE = "Instance"
    PLACE = "Place"
    CLOUD_ACCOUNT = "CloudAccount"
    REGION = "Region"
    ZONE = "Zone"
    NETWORK_THING = "NetworkThing"
    NETWORK = "Network"
    SUBNET = "Subnet"
    LOAD_BALANCER = "LoadBalancer"
    DNS_NAME = "DnsName"
    IP_ADDRESS = "IpAddress"
    ENDPOINT = "Endpoint"
    MANAGED_SERVICE = "ManagedService"
    DATABASE = "Database"
    CACHE = "Cache"
    QUEUE = "Queue"
    TOPIC = "Topic"
    OBJECT_STORE = "ObjectStore"
    FUNCTION_SERVICE = "FunctionService"
    CLOUD_RESOURCE = "CloudResource"
    CLUSTER = "Cluster"
    HOST = "Host"
    NODE = "Node"
    VM = "Vm"
    NAMESPACE = "Namespace"
    COMPOSE_PROJECT = "ComposeProject"
    WORKLOAD = "Workload"
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    REPLICA_SET = "ReplicaSet"
    JOB = "Job"
    CRON_JOB = "CronJob"
    COMPOSE_SERVICE = "ComposeService"
    HELM_RELEASE = "HelmRelease"
    K8S_SERVICE = "K8sService"
    INGRESS = "Ingress"
    GATEWAY = "Gateway"
    NETWORK_POLICY = "NetworkPolicy"
    HORIZONTAL_POD_AUTOSCALER = "HorizontalPodAutoscaler"
    POD_DISRUPTION_BUDGET = "PodDisruptionBudget"
    VOLUME = "Volume"
    SERVICE_ACCOUNT = "ServiceAccount"
    CONFIG = "Config"
    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105  # a kind, not a password
    CONFIG_FILE = "ConfigFile"
    SETTING = "Setting"
    ENV_VAR = "EnvVar"
    CONFIG_KEY = "ConfigKey"
    POD = "Pod"
    CONTAINER = "Container"
    PROCESS = "Process"
    IMAGE = "Image"
    IMAGE_DIGEST = "ImageDigest"
    SERVICE = "Service"
    OPERATION = "Operation"
    API = "Api"
    FEATURE_FLAG = "FeatureFlag"
    REPOSITORY = "Repository"
    COMMIT = "Commit"
    RELEASE = "Release"
    FILE = "File"
    SOURCE_FILE = "SourceFile"
    DOCKERFILE = "Dockerfile"
    MANIFEST = "Manifest"
    TERRAFORM_FILE = "TerraformFile"
    CODE_SYMBOL = "CodeSymbol"
    FUNCTION = "Function"
    VARIABLE = "Variable"
    DEPENDENCY = "Dependency"
    PIPELINE = "Pipeline"
    PIPELINE_RUN = "PipelineRun"
    DEPLOY = "Deploy"
    CONFIG_CHANGE = "ConfigChange"
    DASHBOARD = "Dashboard"
    ALERT_RULE = "AlertRule"
    SLO = "Slo"
    METRIC = "Metric"
    TEAM = "Team"
    PERSON = "Person"
    # incident.ttl
    INCIDENT = "Incident"
    ALERT = "Alert"
    CASE = "Case"
    QUESTION = "Question"
    OBSERVATION = "Observation"
    HYPOTHESIS = "Hypothesis"
    EVIDENCE = "Evidence"
    FINDING = "Finding"
    EPISODE = "Episode"
    SYMPTOM = "Symptom"
    RUNBOOK = "Runbook"
    FAILURE_MODE = "FailureMode"
    VERDICT = "Verdict"
    # layers.ttl
    LAYER = "Layer"
    GRAPH = "Graph"
    SOURCE = "Source"
    SCAN_RUN = "ScanRun"


TYPE = Iri(RDF + "type")
LABEL = Iri(RDFS + "label")
"""The name that a colleague on call would say; every thing has one."""
WAS_DERIVED_FROM = Iri(PROV + "wasDerivedFrom")
WAS_GENERATED_BY = Iri(PROV + "wasGeneratedBy")
WAS_ATTRIBUTED_TO = Iri(PROV + "wasAttributedTo")
GENERATED_AT_TIME = Iri(PROV + "generatedAtTime")
STARTED_AT_TIME = Iri(PROV + "startedAtTime")
ENDED_AT_TIME = Iri(PROV + "endedAtTime")

# infrastructure.ttl: what joins things
PART_OF = Iri(WB + "partOf")
RUNS_ON = Iri(WB + "runsOn")
MANAGED_BY = Iri(WB + "managedBy")
SELECTS = Iri(WB + "selects")
ROUTES_TO = Iri(WB + "routesTo")
EXPOSES = Iri(WB + "exposes")
LISTENS_ON = Iri(WB + "listensOn")
CONNECTS_TO = Iri(WB + "connectsTo")
IN_NETWORK = Iri(WB + "inNetwork")
HAS_ADDRESS = Iri(WB + "hasAddress")
RESOLVES_TO = Iri(WB + "resolvesTo")
MOUNTS = Iri(WB + "mounts")
SETS_ENV = Iri(WB + "setsEnv")
HAS_KEY = Iri(WB + "hasKey")
FROM_CONFIG = Iri(WB + "fromConfig")
USES_IMAGE = Iri(WB + "usesImage")
BUILT_FROM = Iri(WB + "builtFrom")
BUILDS_IMAGE = Iri(WB + "buildsImage")
IMPLEMENTS = Iri(WB + "implements")
EXECUTES = Iri(WB + "executes")
DEFINED_IN = Iri(WB + "definedIn")
CALLS_FUNCTION = Iri(WB + "callsFunction")
READS = Iri(WB + "reads")
READS_ENV = Iri(WB + "readsEnv")
READS_FLAG = Iri(WB + "readsFlag")
READS_CONFIG = Iri(WB + "readsConfig")
CLIENT_OF = Iri(WB + "clientOf")
HANDLES = Iri(WB + "handles")
PROVIDES = Iri(WB + "provides")
REQUIRES = Iri(WB + "requires")
IMPORTS = Iri(WB + "imports")
DEPENDS_ON = Iri(WB + "dependsOn")
CALLS = Iri(WB + "calls")
USES_DATASTORE = Iri(WB + "usesDatastore")
PUBLISHES_TO = Iri(WB + "publishesTo")
CONSUMES_FROM = Iri(WB + "consumesFrom")
EXPORTS_TO = Iri(WB + "exportsTo")
SCRAPES = Iri(WB + "scrapes")
DECLARES = Iri(WB + "declares")
DEPLOYED_BY = Iri(WB + "deployedBy")
CHANGED_BY = Iri(WB + "changedBy")
MONITORS = Iri(WB + "monitors")
ALERTS_ON = Iri(WB + "alertsOn")
OWNED_BY = Iri(WB + "ownedBy")
ALLOWS_FROM = Iri(WB + "allowsFrom")
ALLOWS_TO = Iri(WB + "allowsTo")
RUNS_AS = Iri(WB + "runsAs")
MENTIONS = Iri(WB + "mentions")
REFERENCES = Iri(WB + "references")
PROBABLY_SAME = Iri(WB + "probablySame")

# infrastructure.ttl: what is said of a thing
NAME = Iri(WB + "name")
DESCRIPTION = Iri(WB + "description")
STATUS = Iri(WB + "status")
VERSION = Iri(WB + "version")
ENVIRONMENT = Iri(WB + "environment")
PROVIDER = Iri(WB + "provider")
RESOURCE_TYPE = Iri(WB + "resourceType")
HOST = Iri(WB + "host")
ADDRESS = Iri(WB + "address")
PORT = Iri(WB + "port")
TARGET_PORT = Iri(WB + "targetPort")
PROTOCOL = Iri(WB + "protocol")
PATH = Iri(WB + "path")
URL = Iri(WB + "url")
COMMAND = Iri(WB + "command")
USER = Iri(WB + "user")
PID = Iri(WB + "pid")
START_TIME = Iri(WB + "startTime")
REPLICAS = Iri(WB + "replicas")
MIN_REPLICAS = Iri(WB + "minReplicas")
MAX_REPLICAS = Iri(WB + "maxReplicas")
CPU_REQUEST = Iri(WB + "cpuRequest")
CPU_LIMIT = Iri(WB + "cpuLimit")
MEMORY_REQUEST = Iri(WB + "memoryRequest")
MEMORY_LIMIT = Iri(WB + "memoryLimit")
CPU_CAPACITY = Iri(WB + "cpuCapacity")
MEMORY_CAPACITY = Iri(WB + "memoryCapacity")
STORAGE_REQUEST = Iri(WB + "storageRequest")
HEALTH_CHECK = Iri(WB + "healthCheck")
RESTART_POLICY = Iri(WB + "restartPolicy")
RESTART_COUNT = Iri(WB + "restartCount")
SCHEDULE = Iri(WB + "schedule")
TIMEOUT_SECONDS = Iri(WB + "timeoutSeconds")
FOR_SECONDS = Iri(WB + "forSeconds")
LABEL_KV = Iri(WB + "labelKV")
ANNOTATION_KV = Iri(WB + "annotationKV")
VALUE = Iri(WB + "value")
DEFAULT_VALUE = Iri(WB + "defaultValue")
VALUE_HASH = Iri(WB + "valueHash")
VALUE_TEMPLATE = Iri(WB + "valueTemplate")
TEMPLATE = Iri(WB + "template")
SENSITIVE = Iri(WB + "sensitive")
LINE = Iri(WB + "line")
END_LINE = Iri(WB + "endLine")
LANGUAGE = Iri(WB + "language")
COMMIT_SHA = Iri(WB + "commitSha")
DIGEST = Iri(WB + "digest")
METHOD = Iri(WB + "method")
EXPRESSION = Iri(WB + "expression")
UNIT = Iri(WB + "unit")
SEVERITY = Iri(WB + "severity")
LAST_COMMIT_AT = Iri(WB + "lastCommitAt")
CALLS_PER_SECOND = Iri(WB + "callsPerSecond")
ERROR_RATIO = Iri(WB + "errorRatio")
MEDIAN_SECONDS = Iri(WB + "medianSeconds")

# incident.ttl: what joins alerts, cases and episodes
INVESTIGATES = Iri(WB + "investigates")
PART_OF_INCIDENT = Iri(WB + "partOfIncident")
CONCERNS = Iri(WB + "concerns")
OBSERVED = Iri(WB + "observed")
ANSWERS = Iri(WB + "answers")
HOLDS = Iri(WB + "holds")
FINDS = Iri(WB + "finds")
CLAIMS = Iri(WB + "claims")
SUSPECTS = Iri(WB + "suspects")
SUPPORTED_BY = Iri(WB + "supportedBy")
CONTRADICTED_BY = Iri(WB + "contradictedBy")
RESTS_ON = Iri(WB + "restsOn")
FAILURE_MODE = Iri(WB + "failureMode")
CLOSES = Iri(WB + "closes")
CAUSE = Iri(WB + "cause")
VERDICT = Iri(WB + "verdict")
SHOWED = Iri(WB + "showed")
SYMPTOM_OF = Iri(WB + "symptomOf")
RULED_OUT = Iri(WB + "ruledOut")
ALIKE = Iri(WB + "alike")
APPLIES_TO = Iri(WB + "appliesTo")

# incident.ttl: what is said of them
FINGERPRINT = Iri(WB + "fingerprint")
FIRED_AT = Iri(WB + "firedAt")
ONSET = Iri(WB + "onset")
RESOLVED_AT = Iri(WB + "resolvedAt")
CLOSED_AT = Iri(WB + "closedAt")
SUMMARY = Iri(WB + "summary")
CLAIM = Iri(WB + "claim")
REMEDY = Iri(WB + "remedy")
SIGNAL = Iri(WB + "signal")
DIRECTION = Iri(WB + "direction")
STANCE = Iri(WB + "stance")
WEIGHT = Iri(WB + "weight")
CHANNEL = Iri(WB + "channel")
NOTE = Iri(WB + "note")
QUERY = Iri(WB + "query")
SURFACED = Iri(WB + "surfaced")
RULED_OUT_BECAUSE = Iri(WB + "ruledOutBecause")
LEARNED_THAT = Iri(WB + "learnedThat")
COST = Iri(WB + "cost")
QUESTIONS = Iri(WB + "questions")
NOTEBOOK = Iri(WB + "notebook")
STEP = Iri(WB + "step")

# layers.ttl: provenance, on graphs and on uncertain facts
LAYER = Iri(WB + "layer")
LAST_RUN = Iri(WB + "lastRun")

# layers.ttl: what is said of a graph, a run or an uncertain fact
SOURCE = Iri(WB + "source")
SCOPE = Iri(WB + "scope")
STARTED_AT = Iri(WB + "startedAt")
COMPLETED_AT = Iri(WB + "completedAt")
COMPLETE = Iri(WB + "complete")
BASE_CONFIDENCE = Iri(WB + "baseConfidence")
LAST_COMPLETE_AT = Iri(WB + "lastCompleteAt")
RESCAN_WANTED = Iri(WB + "rescanWanted")
TTL_SECONDS = Iri(WB + "ttlSeconds")
ADDED_COUNT = Iri(WB + "addedCount")
REMOVED_COUNT = Iri(WB + "removedCount")
UNCHANGED_COUNT = Iri(WB + "unchangedCount")
PROBLEM_COUNT = Iri(WB + "problemCount")
CONFIDENCE = Iri(WB + "confidence")
EVIDENCE = Iri(WB + "evidence")
SEEN = Iri(WB + "seen")


def otel(attribute: str) -> Iri:
    """Return the predicate for an OpenTelemetry attribute; any attribute name will do.

    >>> otel("k8s.pod.name")
    'https://w3id.org/incident-workbench/otel/k8s.pod.name'
    """
    return Iri(OTEL + attribute)


# infrastructure.ttl: OpenTelemetry attributes, names verbatim
OTEL_SERVICE_NAME = otel("service.name")
OTEL_SERVICE_NAMESPACE = otel("service.namespace")
OTEL_SERVICE_VERSION = otel("service.version")
OTEL_SERVICE_INSTANCE_ID = otel("service.instance.id")
OTEL_DEPLOYMENT_ENVIRONMENT_NAME = otel("deployment.environment.name")
OTEL_CLOUD_PROVIDER = otel("cloud.provider")
OTEL_CLOUD_ACCOUNT_ID = otel("cloud.account.id")
OTEL_CLOUD_REGION = otel("cloud.region")
OTEL_CLOUD_AVAILABILITY_ZONE = otel("cloud.availability_zone")
OTEL_CLOUD_RESOURCE_ID = otel("cloud.resource_id")
OTEL_HOST_ID = otel("host.id")
OTEL_HOST_NAME = otel("host.name")
OTEL_HOST_IP = otel("host.ip")
OTEL_SERVER_ADDRESS = otel("server.address")
OTEL_SERVER_PORT = otel("server.port")
OTEL_K8S_CLUSTER_NAME = otel("k8s.cluster.name")
OTEL_K8S_NAMESPACE_NAME = otel("k8s.namespace.name")
OTEL_K8S_NODE_NAME = otel("k8s.node.name")
OTEL_K8S_POD_NAME = otel("k8s.pod.name")
OTEL_K8S_POD_UID = otel("k8s.pod.uid")
OTEL_K8S_CONTAINER_NAME = otel("k8s.container.name")
OTEL_K8S_DEPLOYMENT_NAME = otel("k8s.deployment.name")
OTEL_K8S_STATEFULSET_NAME = otel("k8s.statefulset.name")
OTEL_K8S_DAEMONSET_NAME = otel("k8s.daemonset.name")
OTEL_K8S_REPLICASET_NAME = otel("k8s.replicaset.name")
OTEL_K8S_JOB_NAME = otel("k8s.job.name")
OTEL_K8S_CRONJOB_NAME = otel("k8s.cronjob.name")
OTEL_K8S_SERVICE_NAME = otel("k8s.service.name")
OTEL_CONTAINER_ID = otel("container.id")
OTEL_CONTAINER_NAME = otel("container.name")
OTEL_CONTAINER_IMAGE_NAME = otel("container.image.name")
OTEL_CONTAINER_IMAGE_TAGS = otel("container.image.tags")
OTEL_PROCESS_PID = otel("process.pid")
OTEL_PROCESS_CREATION_TIME = otel("process.creation.time")
OTEL_PROCESS_COMMAND_LINE = otel("process.command_line")
OTEL_PROCESS_EXECUTABLE_NAME = otel("process.executable.name")
OTEL_PROCESS_ENVIRONMENT_VARIABLE = otel("process.environment_variable")
OTEL_DB_SYSTEM_NAME = otel("db.system.name")
OTEL_MESSAGING_SYSTEM = otel("messaging.system")
OTEL_MESSAGING_DESTINATION_NAME = otel("messaging.destination.name")
OTEL_FAAS_NAME = otel("faas.name")
OTEL_HTTP_ROUTE = otel("http.route")
OTEL_HTTP_REQUEST_METHOD = otel("http.request.method")
OTEL_HTTP_RESPONSE_STATUS_CODE = otel("http.response.status_code")
OTEL_RPC_SYSTEM_NAME = otel("rpc.system.name")
OTEL_RPC_METHOD = otel("rpc.method")
OTEL_URL_FULL = otel("url.full")
OTEL_FEATURE_FLAG_KEY = otel("feature_flag.key")
OTEL_FEATURE_FLAG_PROVIDER_NAME = otel("feature_flag.provider.name")
OTEL_VCS_REPOSITORY_URL_FULL = otel("vcs.repository.url.full")
OTEL_VCS_REF_HEAD_REVISION = otel("vcs.ref.head.revision")
OTEL_CODE_FILE_PATH = otel("code.file.path")
OTEL_CODE_FUNCTION_NAME = otel("code.function.name")
OTEL_CODE_LINE_NUMBER = otel("code.line.number")
OTEL_CICD_PIPELINE_NAME = otel("cicd.pipeline.name")
OTEL_CICD_PIPELINE_RUN_ID = otel("cicd.pipeline.run.id")
OTEL_SPAN_KIND = otel("span.kind")
OTEL_ERROR_TYPE = otel("error.type")


def class_iri(kind: str) -> Iri:
    """Return the IRI of a class.

    >>> class_iri("Service")
    'https://w3id.org/incident-workbench/def/Service'
    """
    return Iri(WB + kind)


def kind_of(iri: str) -> str:
    """Return the local name of a class or property of ours; empty for a stranger's.

    >>> kind_of("https://w3id.org/incident-workbench/def/Service")
    'Service'
    """
    return iri.removeprefix(WB) if iri.startswith(WB) else ""


def layer_iri(layer: Layer) -> Iri:
    """Return the IRI of a layer.

    >>> layer_iri(Layer.DECLARED)
    'https://w3id.org/incident-workbench/def/layer-declared'
    """
    return Iri(f"{WB}layer-{layer}")


def failure_mode_iri(slug: str) -> Iri:
    """Return the IRI of a failure mode.

    >>> failure_mode_iri("crash-loop")
    'https://w3id.org/incident-workbench/def/mode-crash-loop'
    """
    return Iri(f"{WB}mode-{slug}")


def verdict_iri(verdict: str) -> Iri:
    """Return the IRI of a verdict.

    >>> verdict_iri("no-fault")
    'https://w3id.org/incident-workbench/def/verdict-no-fault'
    """
    return Iri(f"{WB}verdict-{verdict}")


FAILURE_MODES: Mapping[str, str] = MappingProxyType(
    {
        "dependency-slow": "dependency slow",
        "dependency-down": "dependency down",
        "bad-configuration": "bad configuration",
        "resource-leak": "resource leak",
        "cpu-saturation": "CPU saturation",
        "memory-pressure": "memory pressure",
        "disk-full": "disk full",
        "network-delay": "network delay",
        "network-loss": "network loss",
        "crash-loop": "crash loop",
        "code-error": "code error",
        "code-latency": "code latency",
        "overload": "overload",
        "bad-release": "bad release",
        "name-resolution": "name resolution",
        "certificate": "certificate or clock",
        "bad-data": "bad data",
        "hang": "hang",
        "cold-cache": "cold cache",
        "admission-refused": "admission refused",
        "unschedulable": "unschedulable",
        "start-failure": "start failure",
        "bad-probe": "bad probe",
        "misrouting": "misrouting",
        "node-failure": "node failure",
        "scaled-down": "scaled down",
        "store-refuses": "store refuses",
        "unknown": "unknown",
    }
)
"""The taxonomy: slug to the words a person reads."""

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "quota-cpu": "admission-refused",
        "quota-memory": "admission-refused",
        "quota-pods": "admission-refused",
        "quota-services": "admission-refused",
        "quota-storage": "admission-refused",
        "service-account-missing": "admission-refused",
        "cpu-short": "unschedulable",
        "memory-short": "unschedulable",
        "node-selector-unmatched": "unschedulable",
        "node-affinity-unmatched": "unschedulable",
        "pod-anti-affinity": "unschedulable",
        "taint-untolerated": "unschedulable",
        "node-cordoned": "unschedulable",
        "claim-missing": "unschedulable",
        "claim-unbound": "unschedulable",
        "claim-class": "unschedulable",
        "claim-access-mode": "unschedulable",
        "claim-size": "unschedulable",
        "claim-selector": "unschedulable",
        "volume-taken": "unschedulable",
        "image-not-found": "start-failure",
        "image-pull-secret-missing": "start-failure",
        "registry-unresolved": "start-failure",
        "registry-unreachable": "start-failure",
        "secret-missing": "start-failure",
        "config-missing": "start-failure",
        "volume-permission-denied": "start-failure",
        "liveness-port": "bad-probe",
        "liveness-protocol": "bad-probe",
        "liveness-timing": "bad-probe",
        "readiness-port": "bad-probe",
        "readiness-protocol": "bad-probe",
        "readiness-timing": "bad-probe",
        "startup-port": "bad-probe",
        "startup-protocol": "bad-probe",
        "startup-timing": "bad-probe",
        "selector-matches-nothing": "misrouting",
        "target-port-wrong": "misrouting",
        "protocol-wrong": "misrouting",
        "address-wrong": "misrouting",
        "route-wrong": "misrouting",
        "policy-closed": "misrouting",
        "kubelet-down": "node-failure",
        "container-runtime-down": "node-failure",
        "kube-proxy-down": "node-failure",
        "scheduler-down": "node-failure",
        "control-plane-down": "node-failure",
        "node-not-ready": "node-failure",
        "node-pressure": "node-failure",
        "pod-network-delay": "network-delay",
        "node-network-delay": "network-delay",
        "node-packet-loss": "network-loss",
        "cpu-throttled": "cpu-saturation",
        "out-of-memory": "memory-pressure",
        "replicas-zero": "scaled-down",
        "store-read-only": "store-refuses",
        "store-connections-exhausted": "store-refuses",
        "credentials-refused": "bad-configuration",
        "store-port-wrong": "bad-configuration",
        "port-in-use": "bad-configuration",
        "name-unresolved": "name-resolution",
        "crash-looping": "crash-loop",
        "not-serving": "dependency-down",
    }
)
"""The finer causes: slug to the slug of the failure mode that it is of."""

VERDICTS: tuple[str, ...] = ("confirmed", "rejected", "no-fault", "unresolved")

BANDS: tuple[float, ...] = (1.0, 0.9, 0.7, 0.5, 0.3)
"""Confidence comes in few bands, so that each can be a graph."""

PARENTS: Mapping[str, str] = MappingProxyType(
    {
        Kind.REGION: Kind.PLACE,
        Kind.ZONE: Kind.PLACE,
        Kind.NETWORK: Kind.NETWORK_THING,
        Kind.SUBNET: Kind.NETWORK_THING,
        Kind.LOAD_BALANCER: Kind.NETWORK_THING,
        Kind.DNS_NAME: Kind.NETWORK_THING,
        Kind.IP_ADDRESS: Kind.NETWORK_THING,
        Kind.ENDPOINT: Kind.NETWORK_THING,
        Kind.DATABASE: Kind.MANAGED_SERVICE,
        Kind.CACHE: Kind.MANAGED_SERVICE,
        Kind.QUEUE: Kind.MANAGED_SERVICE,
        Kind.TOPIC: Kind.MANAGED_SERVICE,
        Kind.OBJECT_STORE: Kind.MANAGED_SERVICE,
        Kind.FUNCTION_SERVICE: Kind.MANAGED_SERVICE,
        Kind.CLOUD_RESOURCE: Kind.MANAGED_SERVICE,
        Kind.NODE: Kind.HOST,
        Kind.VM: Kind.HOST,
        Kind.DEPLOYMENT: Kind.WORKLOAD,
        Kind.STATEFUL_SET: Kind.WORKLOAD,
        Kind.DAEMON_SET: Kind.WORKLOAD,
        Kind.REPLICA_SET: Kind.WORKLOAD,
        Kind.JOB: Kind.WORKLOAD,
        Kind.CRON_JOB: Kind.WORKLOAD,
        Kind.COMPOSE_SERVICE: Kind.WORKLOAD,
        Kind.HELM_RELEASE: Kind.WORKLOAD,
        Kind.K8S_SERVICE: Kind.NETWORK_THING,
        Kind.INGRESS: Kind.NETWORK_THING,
        Kind.GATEWAY: Kind.NETWORK_THING,
        Kind.CONFIG_MAP: Kind.CONFIG,
        Kind.SECRET: Kind.CONFIG,
        Kind.CONFIG_FILE: Kind.CONFIG,
        Kind.ENV_VAR: Kind.SETTING,
        Kind.CONFIG_KEY: Kind.SETTING,
        Kind.POD: Kind.INSTANCE,
        Kind.CONTAINER: Kind.INSTANCE,
        Kind.PROCESS: Kind.INSTANCE,
        Kind.COMMIT: Kind.INSTANCE,
        Kind.SOURCE_FILE: Kind.FILE,
        Kind.DOCKERFILE: Kind.FILE,
        Kind.MANIFEST: Kind.FILE,
        Kind.TERRAFORM_FILE: Kind.FILE,
        Kind.FUNCTION: Kind.CODE_SYMBOL,
        Kind.VARIABLE: Kind.CODE_SYMBOL,
        Kind.PIPELINE_RUN: Kind.INSTANCE,
        Kind.DEPLOY: Kind.INSTANCE,
        Kind.CONFIG_CHANGE: Kind.INSTANCE,
    }
)
"""Kind to its parent, where that is nearer than `Thing`."""

DEPENDENCIES: tuple[Iri, ...] = (DEPENDS_ON, CALLS, USES_DATASTORE, PUBLISHES_TO, CONSUMES_FROM)
"""`dependsOn` and its sub-properties: the subject needs the object."""


def is_a(kind: str, ancestor: str) -> bool:
    """Say whether a kind is another, or below it.

    >>> is_a(Kind.DEPLOYMENT, Kind.WORKLOAD), is_a(Kind.SERVICE, Kind.WORKLOAD)
    (True, False)
    """
    return kind == ancestor or (kind in PARENTS and is_a(PARENTS[kind], ancestor))
