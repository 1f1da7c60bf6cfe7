"""What a component is for, told from its image or its name: telemetry, a datastore, a broker, or an application.

The names are those of the products' own images. An unknown image is an application, which is the safe answer: its
references count as calls.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Role(StrEnum):
    """What a component is for."""

    APPLICATION = "application"
    TELEMETRY = "telemetry"
    """Collects, keeps or shows telemetry; what it reaches is watched, not called."""
    DATASTORE = "datastore"
    BROKER = "broker"


_TELEMETRY = re.compile(
    r"(^|[/\-_])(opentelemetry-(collector|operator)[\w\-]*|otel-?col(lector)?[\w\-]*|jaeger[\w\-]*|zipkin[\w\-]*|prometheus[\w\-]*"
    r"|alertmanager|pushgateway|grafana[\w\-]*|promtail|fluentd|fluent-bit|filebeat|metricbeat|logstash|statsd|telegraf"
    r"|datadog-?agent|cadvisor|kube-state-metrics|metrics-server|pyroscope|apm-server|skywalking-oap-server|otel-lgtm"
    r"|(node|blackbox|mysqld|postgres|redis|kafka|nginx|statsd|mongodb|elasticsearch|memcached|rabbitmq|jmx)[-_]exporter)$"
    r"|^(grafana/)?(loki|tempo|mimir|alloy)$|^timberio/vector$|^jaegertracing/|/jaegertracing/|^fluent/"
)
_DATASTORE = re.compile(
    r"(^|[/\-_])(postgres(ql)?|postgis|timescaledb|mysql|mysql-server|mariadb|mongo(db)?|redis|redis-stack(-server)?|valkey|memcached"
    r"|keydb|dragonfly|cassandra|scylla|elasticsearch|opensearch|clickhouse(-server)?|cockroach(db)?|mssql|mssql/server|couchdb"
    r"|couchbase|neo4j|influxdb|etcd|minio|solr|qdrant|milvus|weaviate|arangodb)$"
)
_BROKER = re.compile(
    r"(^|[/\-_])((cp-)?kafka|redpanda|rabbitmq|activemq[\w\-]*|nats|pulsar|nsq|mosquitto|emqx|(cp-)?zookeeper)$"
)


def repository(image: str) -> str:
    """Return the image's name without registry tag and digest.

    >>> repository("quay.io:443/prometheus/prometheus:v3@sha256:ab")
    'quay.io:443/prometheus/prometheus'
    """
    name = image.split("@", 1)[0]
    head, _, tail = name.rpartition("/")
    return (f"{head}/" if head else "") + tail.split(":", 1)[0]


def role(image: str, name: str = "") -> Role:
    """Return what a component is for; the image speaks first, the component's own name where the image says nothing.

    >>> role("postgres:18").value, role("ghcr.io/org/shop:1-cart", "cart").value, role("", "otel-collector").value
    ('datastore', 'application', 'telemetry')
    """
    for text in (repository(image).lower(), name.lower()):
        for pattern, answer in (
            (_TELEMETRY, Role.TELEMETRY),
            (_DATASTORE, Role.DATASTORE),
            (_BROKER, Role.BROKER),
        ):
            if text and pattern.search(text):
                return answer
    return Role.APPLICATION
