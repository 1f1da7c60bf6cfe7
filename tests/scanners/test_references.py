"""Which service does a value mean?"""

import pytest

from ontology.nouns import Iri
from scanners.references import Directory, Target, expand, mentions, outside

CART = Target(Iri("urn:cart"), "cart", frozenset({7070}))
DB = Target(Iri("urn:db"), "db", frozenset({5432}))
KAFKA = Target(Iri("urn:kafka"), "kafka")
FLAGS = Target(Iri("urn:flags"), "flags", frozenset({8013, 8016}))
NAMES = Directory(
    {"cart": CART, "db": DB, "kafka": KAFKA, "flags": FLAGS, "cart.shop": CART, "db.shop": DB, "flags.shop": FLAGS},
    "shop",
)


@pytest.mark.parametrize(
    ("variable", "value", "siblings", "name", "port", "confidence"),
    [
        ("CART_ADDR", "cart:7070", {}, "cart", 7070, 0.9),
        ("CART_URL", "http://cart:7070/v1", {}, "cart", 7070, 0.9),
        ("CART_URL", "http://cart.shop.svc.cluster.local:7070", {}, "cart", 7070, 0.9),
        ("CART_URL", "http://cart:7071", {}, "cart", 7071, 0.7),
        ("KAFKA_ADDR", "kafka:9092", {}, "kafka", 9092, 0.7),
        ("BROKERS", "PLAINTEXT://kafka:9092,PLAINTEXT://kafka:9092", {}, "kafka", 9092, 0.7),
        ("FLAGS_HOST", "flags", {"FLAGS_PORT": "8013", "FLAGS_UI_PORT": "4000"}, "flags", 8013, 0.7),
        ("DB_HOST", "db", {}, "db", 5432, 0.7),
        ("DSN", "postgres://shop:hunter2@db/shop?sslmode=disable", {}, "db", 5432, 0.7),
        ("DSN", "Host=db;Port=5432;Username=shop;Password=hunter2", {}, "db", 5432, 0.9),
        ("DSN", "shop:hunter2@tcp(db:5432)/shop", {}, "db", 5432, 0.9),
        ("DSN", "jdbc:postgresql://db:5432/shop", {}, "db", 5432, 0.9),
        ("DSN", "host=db port=5432 user=shop", {}, "db", 5432, 0.9),
        ("SEEDS", "mongodb://u:p@db:5432,other:27017/x", {}, "db", 5432, 0.9),
        ("QUORUM", "1@kafka:9093", {}, "kafka", 9093, 0.7),
        ("DSN", "jdbc:oracle:thin:@db:5432:ORCL", {}, "db", 5432, 0.9),
        ("DSN", "jdbc:oracle:thin:@//db:5432/shop", {}, "db", 5432, 0.9),
        ("DSN", "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=db)(PORT=5432)))", {}, "db", 5432, 0.9),
        ("DSN", "Server=tcp:db,5432;Initial Catalog=shop;Password=hunter2", {}, "db", 5432, 0.9),
        ("DSN", "Data Source=db;Initial Catalog=shop", {}, "db", 5432, 0.7),
        ("DSN", "postgresql+asyncpg://shop:hunter%402@db:5432/shop", {}, "db", 5432, 0.9),
        ("DSN", "db:5432,password=hunter2,ssl=False,abortConnect=False", {}, "db", 5432, 0.9),
        ("BUS", "amqp://guest:guest@kafka//", {}, "kafka", 5672, 0.7),
        ("CART_TARGET", "dns:///cart:7070", {}, "cart", 7070, 0.9),
        ("CART_TARGET", "//cart:7070/v1", {}, "cart", 7070, 0.9),
        ("NGINX", "server { location / { proxy_pass http://cart:7070/; } }", {}, "cart", 7070, 0.9),
        ("NGINX", "upstream carts { server cart:7070 weight=5; }", {}, "cart", 7070, 0.9),
        ("ENVOY", "socket_address:\n  address: cart\n  port_value: 7070", {}, "cart", 7070, 0.9),
        ("ENVOY", "socket_address: { address: cart, port_value: 7070 }", {}, "cart", 7070, 0.9),
        ("HAPROXY", "backend carts\n  server one cart:7070 check", {}, "cart", 7070, 0.9),
        ("COLLECTOR", "exporters:\n  kafka:\n    brokers: [kafka:9092]", {}, "kafka", 9092, 0.7),
        ("SPRING", "spring:\n  datasource:\n    host: db\n    port: 5432", {}, "db", 5432, 0.9),
        ("SPRING", "shop.cart.host=cart\nshop.cart.port=7070\nother.port=1", {}, "cart", 7070, 0.9),
        ("CART", "cart", {}, "cart", 7070, 0.5),
        ("DB_HOST", "db-0.db.shop.svc", {}, "db", 5432, 0.7),
    ],
)
def test_a_value_means_one_service(
    variable: str, value: str, siblings: dict[str, str], name: str, port: int, confidence: float
) -> None:
    """Every usual way to write an address leads to its one service, port and confidence band."""
    found = mentions(variable, value, siblings, NAMES)

    assert [(each.target.name, each.port, each.confidence) for each in found] == [(name, port, confidence)]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_SERVICE_NAME", "cart"),
        ("TOPIC", "kafka"),
        ("ROOT_PATH", "/cart"),
        ("POSTGRES_USER", "db"),
        ("IMAGE", "registry.example.com/cart:1.2"),
        ("URL", "https://cart.example.com"),
        ("LISTEN", "0.0.0.0:7070"),
        ("GREETING", "put the thing in your cart: now"),
    ],
)
def test_a_word_is_no_address(variable: str, value: str) -> None:
    """A service's name in a value that is no address means nobody."""
    assert mentions(variable, value, {}, NAMES) == ()


def test_a_bare_host_takes_the_port_of_an_address_beside_it() -> None:
    """Where a host stands alone, the port with which another setting names the same service counts, if they agree."""
    both = {"DB_HOST": "kafka", "EVENTS": "http://kafka:9092/events"}

    assert [each.port for each in mentions("DB_HOST", "kafka", both, NAMES)] == [9092]
    assert [each.port for each in mentions("DB_HOST", "kafka", both | {"ADMIN": "kafka:9093"}, NAMES)] == [None]
    assert [each.port for each in mentions("DB_HOST", "kafka", both | {"DB_PORT": "9093"}, NAMES)] == [9093]


def test_two_listeners_are_two_mentions() -> None:
    """A list of addresses of one service keeps each of its ports."""
    found = mentions("LISTENERS", "PLAINTEXT://kafka:9092,CONTROLLER://kafka:9093", {}, NAMES)

    assert [each.port for each in found] == [9092, 9093]


def test_a_list_of_names_and_addresses_keeps_them_all() -> None:
    """`name=URL` pairs, JSON lists and several hosts of one connection string each mean every service in them."""
    for value in (
        "cart=http://cart:7070,db=http://db:5432",
        '["http://cart:7070", "http://db:5432"]',
        "cart:7070,db:5432",
    ):
        assert {each.target.name for each in mentions("PEERS", value, {}, NAMES)} == {"cart", "db"}


@pytest.mark.parametrize("value", ["unix:///cart", "file:///cart/x", "sqlite:///cart.db", "width:7070px", "a=cart;b=1"])
def test_a_path_is_no_host(value: str) -> None:
    """Schemes of files and sockets name no host."""
    assert mentions("CART_URL", value, {}, NAMES) == ()


def test_indirection_that_never_ends_stops() -> None:
    """Variables that name each other in a circle, or blow up, are cut off, not followed for ever."""
    assert "$" in expand("$(A)", {"A": "$(B)", "B": "$(A)"})
    bomb = {f"V{n}": f"${{V{n + 1}}}" * 10 for n in range(20)} | {"V20": "x"}
    assert len(expand("${V0}", {**bomb, "V1": "y" * 20_000})) < 100_000


def test_an_outside_host_is_not_of_the_estate() -> None:
    """A full domain name in a URL is an outside host; a service's own cluster name is not."""
    assert [each.host for each in outside("BANK", "https://api.example.com/v1", NAMES)] == ["api.example.com"]
    assert outside("CART", "http://cart.shop.svc.cluster.local:7070", NAMES) == ()
