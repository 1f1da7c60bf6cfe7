"""What a component is for, by its image or name."""

import pytest

from scanners.roles import Role, repository, role


@pytest.mark.parametrize(
    ("image", "name", "expected"),
    [
        ("quay.io/prometheus/prometheus:v3", "metrics", Role.TELEMETRY),
        ("otel/opentelemetry-collector-contrib:0.1", "gateway", Role.TELEMETRY),
        ("registry:5000/oliver006/redis_exporter:v1", "x", Role.TELEMETRY),
        ("mcr.microsoft.com/mssql/server:2022", "sql", Role.DATASTORE),
        ("postgres@sha256:ab", "", Role.DATASTORE),
        ("shop/db:1", "postgres", Role.DATASTORE),
        ("confluentinc/cp-kafka:7", "bus", Role.BROKER),
        ("shop/report-exporter:1", "report-exporter", Role.APPLICATION),
        ("shop/search-vector:1", "vector", Role.APPLICATION),
        ("", "", Role.APPLICATION),
    ],
)
def test_an_image_tells_its_role(image: str, name: str, expected: Role) -> None:
    """Known products are known under any registry; an application with an alike name stays an application."""
    assert role(image, name) is expected


def test_a_registry_port_is_no_tag() -> None:
    """A colon in a registry's address is kept when tag and digest are cut off."""
    assert repository("localhost:5000/shop/cart:1@sha256:ab") == "localhost:5000/shop/cart"
