"""Compose: what the files of a folder declare."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.errors import NotFound
from ontology.iris import service, thing
from scanners.binding import Binding
from scanners.compose.scanner import ComposeScanner

Write = Callable[[Mapping[str, str]], Path]
Saying = Callable[[Any], set[tuple[str, str, Any]]]

BASE = """
services:
  web:
    image: shop/web:${VERSION:-1}
    ports: ["80:8080"]
    environment:
      - CART_ADDR
      - CACHE_HOST=cache
      - OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318
      - LLM_URL=https://llm.example.com
    depends_on: [cart, mail]
  cart:
    image: shop/cart:1
    expose: [7070]
    environment: {CACHE_URL: "redis://:hunter2canary@cache:6379", API_KEY: canarykey, PORT: 7070}
  mail: {image: shop/mail:1}
  cache: {image: redis:7, ports: ["6379"]}
  collector: {image: otel/opentelemetry-collector:1, ports: ["4318"]}
"""
ENV = "VERSION=2\nCART_ADDR=cart:${CART_PORT}   # read by web\nCART_PORT=7070\n"


def test_values_become_calls(estate: Write, said: Saying) -> None:
    """An address that leads to a service is a call; telemetry is an export; waiting to start is no call."""
    facts = said(
        ComposeScanner(estate({"compose.yaml": BASE, ".env": "CART_PORT=7070\nCART_ADDR=cart:${CART_PORT}\n"}))
        .scan()
        .facts
    )

    assert {fact for fact in facts if fact[1] in ("calls", "exportsTo")} == {
        ("web", "calls", "cart"),
        ("web", "calls", "cache"),
        ("cart", "calls", "cache"),
        ("web", "exportsTo", "collector"),
    }
    assert ("web", "dependsOn", "mail") in facts
    assert ("web", "port", 8080) in facts
    assert ("CART_ADDR", "references", "cart") in facts
    assert ("CART_ADDR", "value", "cart:7070") in facts


def test_variables_are_filled_in(estate: Write, said: Saying) -> None:
    """`.env` and defaults fill images and settings; a comment after a value is no part of it."""
    facts = said(ComposeScanner(estate({"compose.yaml": BASE, ".env": ENV})).scan().facts)

    assert ("web", "usesImage", "shop/web:2") in facts
    assert not any("read by" in str(fact[2]) for fact in facts)


def test_no_secret_in_a_fact(estate: Write) -> None:
    """Neither a password in a URL nor a key by its name is written down, and the key is known to be one."""
    scan = ComposeScanner(estate({"compose.yaml": BASE, ".env": ENV})).scan()

    assert not any("canary" in str(fact.object) for fact in scan.facts)
    assert any(fact.predicate == terms.SENSITIVE for fact in scan.facts)


def test_a_service_is_named_by_environment_and_bare_name(estate: Write) -> None:
    """A service's IRI and label are those that traces and Kubernetes use."""
    scan = ComposeScanner(estate({"compose.yaml": BASE}), "prod").scan()
    labels = {fact.subject: fact.object for fact in scan.facts if fact.predicate == terms.LABEL}

    assert labels[service("cart", "prod")] == "cart"


def test_every_thing_has_one_label(estate: Write) -> None:
    """Whatever a fact points at has exactly one label."""
    scan = ComposeScanner(estate({"compose.yaml": BASE, ".env": ENV})).scan()
    labelled = [fact.subject for fact in scan.facts if fact.predicate == terms.LABEL]

    assert len(labelled) == len(set(labelled))
    assert {fact.subject for fact in scan.facts} == set(labelled)


def test_overlays_are_merged(estate: Write, said: Saying) -> None:
    """Overlays add settings and replace images, the override file last; a test overlay is left out and named."""
    root = estate(
        {
            "docker-compose.yml": BASE,
            "docker-compose.extra.yml": (
                "services: {web: {environment: {M_URL: 'http://mail:25'}, image: other}, new: {image: n}}"
            ),
            "docker-compose.override.yml": "services: {web: {image: mine}}",
            "docker-compose.tests.yml": "services: {robot: {image: r, environment: {WEB_URL: 'http://web:8080'}}}",
        }
    )
    scan = ComposeScanner(root).scan()
    facts = said(scan.facts)

    assert {("web", "calls", "mail"), ("web", "usesImage", "mine")} <= facts
    assert ("web", "usesImage", "other") not in facts
    assert any(fact[0] == "new" for fact in facts)
    assert not any(fact[0] == "robot" for fact in facts)
    assert [problem.where for problem in scan.skipped] == ["docker-compose.tests.yml"]


def test_a_broken_overlay_is_set_aside(estate: Write, said: Saying) -> None:
    """A broken file among good ones is a problem with its line; the rest is read, and the scan is not complete."""
    root = estate({"compose.yaml": BASE, "compose.bad.yaml": "services:\n  web: [1\n", "compose.odd.yaml": "[1, 2]"})
    scan = ComposeScanner(root).scan()

    assert {problem.where for problem in scan.problems} == {"compose.bad.yaml", "compose.odd.yaml"}
    assert not scan.complete
    assert ("cart", "calls", "cache") in said(scan.facts)


def test_what_is_gone_is_gone_from_the_next_scan(estate: Write, noon: Callable[[], datetime]) -> None:
    """A second scan lacks exactly the facts of the service that was taken out; the same files give the same facts."""
    root = estate({"compose.yaml": BASE})
    scanner = ComposeScanner(root, now=noon)
    first, again = scanner.scan(), scanner.scan()
    (root / "compose.yaml").write_text(BASE.replace("  mail: {image: shop/mail:1}\n", "").replace(", mail]", "]"))
    second = scanner.scan()
    gone = {fact.subject for fact in first.facts} - {fact.subject for fact in second.facts}

    assert first.facts == again.facts
    assert {"mail" in iri for iri in gone} == {True}
    assert second.complete


def test_a_scan_that_fails_names_the_next_step(tmp_path: Path, estate: Write) -> None:
    """A missing folder, and one without Compose files, are told in a sentence with what to do."""
    with pytest.raises(NotFound, match="Next:"):
        ComposeScanner(tmp_path / "nowhere").scan()
    with pytest.raises(NotFound, match="deploy/prod"):
        ComposeScanner(estate({"deploy/prod/compose.yaml": BASE, "readme.md": ""})).scan()


def test_a_host_that_may_be_the_browsers_is_no_call(estate: Write, said: Saying) -> None:
    """A front end's bare host that its proxy routes to as well stays a reference at 0.5."""
    text = """
services:
  proxy: {image: envoy, environment: {WEB_HOST: web, WEB_PORT: 80, FLAGS_HOST: flags, FLAGS_PORT: 81}}
  web:
    image: w
    ports: [80]
    environment: {NEXT_PUBLIC_API: "http://localhost", FLAGS_HOST: flags, FLAGS_PORT: 81, CART_ADDR: "cart:82"}
  cart: {image: c, ports: [82], environment: {FLAGS_HOST: flags, FLAGS_PORT: 81}}
  flags: {image: f, ports: [81]}
"""
    scan = ComposeScanner(estate({"compose.yaml": text})).scan()
    calls = {fact for fact in said(scan.facts) if fact[1] == "calls"}
    bands = [
        fact.confidence
        for fact in scan.facts
        if fact.predicate == terms.REFERENCES and fact.subject.endswith("web:FLAGS_HOST")
    ]

    assert ("web", "calls", "flags") not in calls
    assert {("cart", "calls", "flags"), ("proxy", "calls", "flags"), ("web", "calls", "cart")} <= calls
    assert bands == [0.5]


def test_long_forms_and_includes(estate: Write, said: Saying) -> None:
    """Long forms of ports, dependencies, env files and includes are read; no path leads out of the folder."""
    root = estate(
        {
            "compose.yaml": """
include: [more.yaml, ../outside.yaml]
services:
  web:
    build: {context: web, dockerfile: Dockerfile.prod}
    ports: [{target: 8080, published: 80}, "9000-9001:9000-9001"]
    env_file: [{path: web.env}, ../outside.env]
    depends_on: {db: {condition: service_healthy}}
""",
            "more.yaml": "services: {db: {image: postgres:16, ports: ['5432']}}",
            "web.env": "DATABASE_URL=postgresql://db:5432/x\n",
        }
    )
    (root.parent / "outside.env").write_text("LEAK=1")
    facts = said(ComposeScanner(root).scan().facts)

    assert {("web", "calls", "db"), ("web", "usesDatastore", "db"), ("web", "dependsOn", "db")} <= facts
    assert {fact[2] for fact in facts if fact[:2] == ("web", "port")} == {8080, 9000, 9001}
    assert ("web", "builtFrom", "web/Dockerfile.prod") in facts
    assert not any(fact[0] == "LEAK" for fact in facts)


def test_a_project_one_level_down(estate: Write, said: Saying) -> None:
    """A folder without a Compose file stands for those right below it, each a project with its own `.env`."""
    root = estate(
        {
            "deploy/compose.yaml": BASE,
            "deploy/.env": ENV,
            "other/compose.yml": "services: {mail: {image: 'shop/mail:${VERSION:-9}', build: {context: src}}}",
            "tests/compose.yaml": "services: {robot: {image: r}}",
        }
    )
    scan = ComposeScanner(root).scan()
    facts = said(scan.facts)
    kinds = {fact.subject for fact in scan.facts if "ComposeProject" in str(fact.object)}

    assert kinds == {thing("compose-project", "default", "deploy"), thing("compose-project", "default", "other")}
    assert {
        ("web", "usesImage", "shop/web:2"),
        ("mail", "usesImage", "shop/mail:9"),
        ("web", "dependsOn", "cart"),
    } <= facts
    assert ("mail", "builtFrom", "other/src/Dockerfile") in facts
    assert any(fact.evidence == "deploy/compose.yaml:3" for fact in scan.facts)


def test_the_same_project_from_above_and_at_its_place(estate: Write, noon: Callable[[], datetime]) -> None:
    """A project scanned from the folder above has the IRIs that it has when it is scanned itself."""
    root = estate({".git/config": "", "deploy/compose.yaml": BASE})
    above, itself = ComposeScanner(root, now=noon).scan(), ComposeScanner(root / "deploy", now=noon).scan()

    assert {fact.subject for fact in above.facts} == {fact.subject for fact in itself.facts}


def test_services_extend_services_of_other_files(estate: Write, said: Saying) -> None:
    """`extends` is followed through files and circles; what an extended file names lies beside that file."""
    root = estate(
        {
            "compose.yaml": """
services:
  web: {extends: {file: common/base.yml, service: app}, environment: {MODE: prod}}
  loop: {extends: loop2, image: l}
  loop2: {extends: loop}
""",
            "common/base.yml": """
services:
  app: {extends: {file: root.yml, service: root}, image: "shop/app:1", env_file: app.env, environment: {MODE: dev}}
""",
            "common/root.yml": "services: {root: {image: none, build: ., ports: ['8080']}, cart: {image: c}}",
            "common/app.env": "# cart\nCART_ADDR=cart:7070\n",
        }
    )
    scan = ComposeScanner(root).scan()
    facts = said(scan.facts)

    assert {
        ("web", "usesImage", "shop/app:1"),
        ("web", "port", 8080),
        ("MODE", "value", "prod"),
        ("CART_ADDR", "value", "cart:7070"),
        ("web", "builtFrom", "common/Dockerfile"),
        ("loop2", "usesImage", "l"),
    } <= facts
    assert "common/app.env:2" in {fact.evidence for fact in scan.facts}
    assert not any(fact[0] in ("app", "root") for fact in facts)


def test_an_include_has_settings_of_its_own(estate: Write, said: Saying) -> None:
    """What an included file names lies beside it, its `.env` too; the estate's own `.env` wins."""
    root = estate(
        {
            "compose.yaml": "include: [infra/compose.yaml, {path: b/c.yaml, env_file: b/x.env}]\nservices: {}",
            ".env": "WHO=root\n",
            "infra/compose.yaml": """
services:
  db: {image: "postgres:${PG}", env_file: [db.env], environment: {OWNER: "${WHO}"}, build: {dockerfile: My.Dockerfile}}
""",
            "infra/.env": "PG=16\nWHO=infra\n",
            "infra/db.env": "LEVEL=1\n",
            "b/c.yaml": "services: {c: {image: 'c:${TAG}'}}",
            "b/x.env": "TAG=7\n",
        }
    )
    facts = said(ComposeScanner(root).scan().facts)

    assert {
        ("db", "usesImage", "postgres:16"),
        ("OWNER", "value", "root"),
        ("LEVEL", "value", "1"),
        ("db", "builtFrom", "infra/My.Dockerfile"),
        ("c", "usesImage", "c:7"),
    } <= facts


def test_profiles(estate: Write, said: Saying) -> None:
    """A service that only starts for tests or debugging is left out and named; other profiles belong to the estate."""
    text = """
services:
  web: {image: w}
  robot: {image: r, profiles: [e2e]}
  worker: {image: k, profiles: [workers, debug], secrets: [token, {source: cert}], configs: [nginx]}
"""
    scan = ComposeScanner(estate({"compose.yaml": text})).scan()
    facts = said(scan.facts)

    assert not any(fact[0] == "robot" for fact in facts)
    assert [problem.where for problem in scan.skipped] == ["compose.yaml:4"]
    assert {("worker", "mounts", name) for name in ("token", "cert", "nginx")} <= facts


def test_later_env_files_win(estate: Write, said: Saying) -> None:
    """Of two env files the later one counts, and `environment` over both."""
    root = estate(
        {
            "compose.yaml": "services: {web: {image: w, env_file: [a.env, b.env], environment: {C: own}}}",
            "a.env": "A=a\nB=a\nC=a\n",
            "b.env": "B=b\nC=b\n",
        }
    )
    facts = said(ComposeScanner(root).scan().facts)

    assert {("A", "value", "a"), ("B", "value", "b"), ("C", "value", "own")} <= facts


def test_a_project_is_bound_by_its_name(estate: Write) -> None:
    """`compose:<project>` gives a project its environment, whether it says its name or has that of its folder."""
    root = estate({"a/compose.yaml": "name: shop\n" + BASE, "b/compose.yaml": "services: {mail: {image: m}}"})
    facts = ComposeScanner(root, binding=Binding({"compose:shop": "prod", "compose:b": "lab"})).scan().facts

    assert {service("cart", "prod"), service("mail", "lab")} <= {fact.subject for fact in facts}
    assert not any("default" in fact.subject for fact in facts)
