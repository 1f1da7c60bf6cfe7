"""What never becomes a fact."""

import pytest

from scanners.secrecy import is_secret, without_secrets


@pytest.mark.parametrize(
    "text",
    [
        "postgres://shop:hunter2canary@db:5432/shop",
        "redis://:hunter2canary@cache:6379/0",
        "amqp://shop:hunter2@canary@queue",
        "Host=db;Username=shop;Password=hunter2canary;Database=shop",
        "shop:hunter2canary@tcp(db:3306)/shop",
        "jdbc:mysql://db/shop?user=shop&password=hunter2canary",
        "serve --db-password=hunter2canary --port 80",
        "serve --password hunter2canary",
        "Authorization: Bearer hunter2canary.long.token",
        "https://hunter2canary0123456@git.example.com/repo",
        "key AKIAIOSFODNN7CANARYX is old",
        "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.canarysignature",
    ],
)
def test_a_secret_in_a_value_is_hidden(text: str) -> None:
    """No usual place for a password or a key survives."""
    assert "canary" not in without_secrets(text).lower()


@pytest.mark.parametrize("text", ["http://cart:7070", "kafka:9092,other:9092", "ghcr.io/org/shop:1.2-cart", "a=b;c=d"])
def test_what_is_no_secret_stays(text: str) -> None:
    """An address, an image and plain pairs are left as they are."""
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("API_KEY", True),
        ("OPENAI_API_KEY", True),
        ("SECRET_KEY_BASE", True),
        ("dbPassword", True),
        ("OTEL_EXPORTER_OTLP_HEADERS", True),
        ("AUTH_SERVICE_ADDR", False),
        ("KEYCLOAK_HOST", False),
        ("PARTITIONS", False),
        ("TOKENIZER", False),
    ],
)
def test_a_name_tells(name: str, secret: bool) -> None:
    """A setting's name says whether its value may be kept."""
    assert is_secret(name) is secret
