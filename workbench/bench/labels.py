"""The labels of public data sets, in the words of our taxonomy. Read by the scorer only, never by a reasoner.

    fits("Startup_Fault", "incorrect_image_reference", "start-failure", "image-not-found")

A data set's taxonomy is coarser or cut otherwise than ours; its cause is one of our finer causes. A cause that stands
in no table is compared letter by letter.
"""

from __future__ import annotations

from collections.abc import Mapping

CAUSES: Mapping[str, frozenset[str]] = {
    label: frozenset(causes.split())
    for label, causes in {
        # admission
        "missing_service_account": "service-account-missing",
        "namespace_cpu_quota_exceeded": "quota-cpu",
        "namespace_memory_quota_exceeded": "quota-memory",
        "namespace_pod_quota_exceeded": "quota-pods",
        "namespace_service_quota_exceeded": "quota-services",
        "namespace_storage_quota_exceeded": "quota-storage",
        # infrastructure
        "containerd_unavailable": "container-runtime-down",
        "kube_proxy_unavailable": "kube-proxy-down",
        "kube_scheduler_unavailable": "scheduler-down",
        "kubelet_unavailable": "kubelet-down",
        "node_network_delay": "node-network-delay",
        "node_network_packet_loss": "node-packet-loss",
        # performance
        "pod_cpu_overload": "cpu-throttled",
        "pod_network_delay": "pod-network-delay",
        # runtime
        "liveness_probe_incorrect_port": "liveness-port",
        "liveness_probe_incorrect_protocol": "liveness-protocol",
        "liveness_probe_incorrect_timing": "liveness-timing",
        "readiness_probe_incorrect_port": "readiness-port",
        "readiness_probe_incorrect_protocol": "readiness-protocol",
        "oom_killed": "out-of-memory",
        "db_connection_exhaustion": "store-connections-exhausted",
        "db_read_only": "store-read-only",
        "deployment_zero_replicas": "replicas-zero",
        "mysql_invalid_credentials": "credentials-refused",
        "mysql_invalid_port": "store-port-wrong",
        "service_sidecar_port_conflict": "port-in-use",
        # scheduling
        "cpu_capacity_mismatch": "cpu-short",
        "memory_capacity_mismatch": "memory-short",
        "node_affinity_mismatch": "node-affinity-unmatched",
        "node_cordon_mismatch": "node-cordoned",
        "node_selector_mismatch": "node-selector-unmatched",
        "pod_anti_affinity_conflict": "pod-anti-affinity",
        "taint_toleration_mismatch": "taint-untolerated",
        "pv_binding_occupied": "volume-taken",
        "pvc_access_mode_mismatch": "claim-access-mode",
        "pvc_capacity_mismatch": "claim-size",
        "pvc_selector_mismatch": "claim-selector",
        "pvc_storage_class_mismatch": "claim-class",
        # routing
        "gateway_misroute": "route-wrong",
        "service_dns_resolution_failure": "name-unresolved",
        "service_env_var_address_mismatch": "address-wrong",
        "service_port_mapping_mismatch": "target-port-wrong",
        "service_protocol_mismatch": "protocol-wrong",
        "service_selector_mismatch": "selector-matches-nothing",
        # start-up
        "image_registry_dns_failure": "registry-unresolved",
        "incorrect_image_reference": "image-not-found",
        "missing_image_pull_secret": "image-pull-secret-missing",
        "missing_secret_binding": "secret-missing",
        "volume_mount_permission_denied": "volume-permission-denied",
    }.items()
}
"""A data set's cause, and which of ours say the same."""

TAXONOMY: Mapping[str, frozenset[str]] = {
    label: frozenset(modes.split())
    for label, modes in {
        "Admission_Fault": "admission-refused",
        "Infrastructure_Fault": "node-failure network-delay network-loss",
        "Performance_Fault": "cpu-saturation network-delay",
        "Runtime_Fault": "bad-probe memory-pressure scaled-down store-refuses bad-configuration crash-loop",
        "Scheduling_Fault": "unschedulable",
        "Service_Routing_Fault": "misrouting name-resolution",
        "Startup_Fault": "start-failure",
    }.items()
}
"""A data set's class of faults, and which of our failure modes are of it."""


def fits(taxonomy: str, cause: str, failure_mode: str, our_cause: str) -> bool:
    """Say whether our failure mode and cause are those of a label.

    >>> fits("Startup_Fault", "incorrect_image_reference", "start-failure", "image-not-found")
    True
    """
    right = our_cause in CAUSES.get(cause, frozenset({cause}))
    return right and (not taxonomy or failure_mode in TAXONOMY.get(taxonomy, frozenset({taxonomy})))
