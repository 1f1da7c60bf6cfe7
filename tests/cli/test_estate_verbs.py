"""Scanning several things at once and again, asking of the past, and parts of the graph, on the command line."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from scanners.catalogue import CATALOGUE
from workbench.graph.store import GraphStore
from workbench.graph.writeback import doubt

COMPOSE = """
services:
  checkout:
    image: shop/checkout:1.4.2
    environment: {PAYMENT_URL: "http://payment:8080"}
    depends_on: [payment]
  payment: {image: "shop/payment:2.0.1"}
"""
TERRAFORM = 'resource "aws_db_instance" "orders" {\n  identifier = "orders"\n  engine = "postgres"\n}\n'
LABELS = "SELECT DISTINCT ?l { ?x rdfs:label ?l } ORDER BY ?l"
Folder = Callable[[Mapping[str, str]], Path]


def labels(workbench: Any, *more: str) -> list[str]:
    ran = workbench("query", LABELS, "--format", "csv", *more)
    assert ran.code == 0, ran.err
    return list(ran.out.split()[1:])


@pytest.fixture
def estate(folder: Folder) -> Path:
    """A folder with a shop and its database, each in a folder of its own."""
    return folder({"shop/compose.yaml": COMPOSE, "cloud/main.tf": TERRAFORM, "empty/readme.txt": ""})


@pytest.fixture(scope="module")
def scanned(lived_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A data folder whose graph holds the shop."""
    shop = tmp_path_factory.mktemp("shop")
    (shop / "compose.yaml").write_text(COMPOSE)
    assert lived_in("scan", "compose", shop).code == 0
    return lived_in


def test_several_scanners_run_at_once(workbench: Any, estate: Path) -> None:
    """Pairs of scanner and target: a report for each, in their order, and all of it in the graph."""
    ran = workbench("scan", "compose", estate / "shop", "terraform", estate / "cloud", "--json")

    assert ran.code == 0, ran.err
    assert [each["source"] for each in json.loads(ran.out)] == ["compose", "terraform"]
    assert {"checkout", "orders"} <= set(labels(workbench))


def test_a_scanner_takes_several_targets(workbench: Any, folder: Folder) -> None:
    """Words after the first target that name no scanner are further targets; a folder may be called like a scanner."""
    root = folder({"a/compose.yaml": COMPOSE, "source/compose.yaml": COMPOSE, "c/main.tf": TERRAFORM})

    ran = workbench("scan", "compose", root / "a", f"{root}/./source", "terraform", root / "c", "--json")

    assert ran.code == 0, ran.err
    assert [each["source"] for each in json.loads(ran.out)] == ["compose", "compose", "terraform"]


def test_without_words_everything_is_scanned_again(workbench: Any, estate: Path) -> None:
    """What was scanned once is remembered by scanner and target, from whatever folder; a change of it is found."""
    workbench("scan", "compose", estate / "shop", "terraform", estate / "cloud")
    (estate / "shop" / "compose.yaml").write_text(COMPOSE + "  ledger: {image: x}\n")

    again = json.loads(workbench("scan", "--json").out)

    assert [(each["source"], each["added"] > 0) for each in again] == [("compose", True), ("terraform", False)]
    assert "ledger" in labels(workbench)


def test_nothing_to_scan_again_is_said(workbench: Any) -> None:
    """A new data folder has nothing to scan again; the sentence names the way to begin."""
    workbench("scan").refused("nothing was scanned before", "workbench scan --list")


def test_one_that_cannot_be_read_does_not_keep_the_rest_from_it(workbench: Any, estate: Path) -> None:
    """The reason is named, the other scanner's facts are there, the exit code is 1, and only it is forgotten."""
    ran = workbench("scan", "compose", estate / "empty", "terraform", estate / "cloud")

    assert ran.code == 1
    assert "compose of" in ran.err and "Next:" in ran.err
    assert "orders" in labels(workbench)
    assert [each["source"] for each in json.loads(workbench("scan", "--json").out)] == ["terraform"]


def test_a_target_that_went_is_named_and_the_rest_is_scanned(workbench: Any, estate: Path) -> None:
    """A folder that was moved away since takes nothing from the graph."""
    workbench("scan", "compose", estate / "shop", "terraform", estate / "cloud")
    shutil.rmtree(estate / "shop")

    ran = workbench("scan", "--json")

    assert ran.code == 1
    assert [each["failure"] is None for each in json.loads(ran.out)] == [False, True]
    assert "checkout" in labels(workbench)


def test_a_scanner_of_an_api_needs_no_folder(workbench: Any) -> None:
    """The target of an API is not looked for on the disk; what it could not reach is a sentence of the report."""
    ran = workbench("scan", "kubernetes-api", "no-such-context", "--json")

    assert ran.code == 1
    assert "Unexpected" not in ran.err
    (report,) = json.loads(ran.out)
    assert report["failure"]


def test_the_list_names_every_scanner_and_what_was_scanned(workbench: Any, estate: Path) -> None:
    """Each with what it wants to be pointed at."""
    workbench("scan", "compose", estate / "shop")

    ran = workbench("scan", "--list")

    for name, entry in CATALOGUE.items():
        assert re.search(rf"^{re.escape(name)} +{re.escape(entry.target)}$", ran.out, re.MULTILINE), name
    assert str(estate / "shop") in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compose",), "needs a target"),
        (("nagios", "."), "Choose one of"),
        (("compose", ".", "terrafrom", "."), "terraform"),
    ],
)
def test_words_that_are_no_pairs_are_refused(workbench: Any, words: tuple[str, ...], said: str) -> None:
    """A scanner without a target and a mistyped one are refused before anything is scanned."""
    workbench("scan", *words).refused(said)


def test_a_damaged_list_is_named(workbench: Any, estate: Path) -> None:
    """Whoever edits the list by hand and breaks it is told which file it is."""
    workbench("scan", "compose", estate / "shop")
    (workbench.home / "scans.json").write_text("[{")

    workbench("scan").refused("scans.json")


def test_a_query_can_be_asked_of_the_past(workbench: Any, estate: Path) -> None:
    """As of a time between two scans, what came with the second is not known yet."""
    workbench("scan", "compose", estate / "shop")
    between = datetime.now(UTC).isoformat()
    (estate / "shop" / "compose.yaml").write_text(COMPOSE + "  ledger: {image: x}\n")
    workbench("scan")

    assert "ledger" in labels(workbench)
    assert "ledger" not in labels(workbench, "--as-of", between)
    workbench("query", LABELS, "--as-of", "soon").refused("soon")


def test_changes_near_a_thing_hold_a_setting_of_its_workload(workbench: Any, estate: Path) -> None:
    """An environment variable that got another value is a change near the service that reads it, and near no other."""
    workbench("scan", "compose", estate / "shop")
    changed = COMPOSE.replace("http://payment:8080", "http://payment:9999")
    (estate / "shop" / "compose.yaml").write_text(changed)
    workbench("scan")

    near = workbench("graph", "changes", "--near", "checkout").out

    assert "payment:9999" in near and "payment:8080" in near


def test_folding_keeps_the_graph_and_begins_the_history_anew(workbench: Any, estate: Path) -> None:
    """After `forget`, a query of the time before is refused with where the history begins; the graph is as it was."""
    workbench("scan", "compose", estate / "shop")
    first = datetime.now(UTC).isoformat()
    workbench("scan")
    before = labels(workbench)

    ran = workbench("graph", "forget", "--before", datetime.now(UTC).isoformat())

    assert ran.code == 0 and "forgotten" in ran.out, ran.err
    assert labels(workbench) == before
    workbench("query", LABELS, "--as-of", first).refused("history begins")
    assert "Nothing is older" in workbench("graph", "forget", "--before", "1d").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("around", "checkout"), "Within 1 step of checkout"),
        (("blast", "payment"), "If payment fails, checkout suffers."),
        (("path", "checkout", "payment"), "checkout needs payment: checkout"),
    ],
)
def test_parts_of_the_graph_are_told(scanned: Any, words: tuple[str, ...], said: str) -> None:
    """The sentence first, then the relations as a table."""
    ran = scanned("graph", *words)

    assert ran.code == 0, ran.err
    assert ran.out.startswith(said)
    assert "payment" in ran.out


def test_an_unknown_thing_is_refused_with_the_nearest(scanned: Any) -> None:
    """A mistyped name comes with the one that was meant."""
    scanned("graph", "around", "chekout").refused("checkout")


@pytest.mark.parametrize("verb", ["stats", "stale", "changes", "check", "forget", "around", "blast", "path"])
def test_help_of_the_graph_s_verbs_shows_an_example(scanned: Any, verb: str) -> None:
    """`--help` shows an example that begins with this very verb."""
    assert f"Example: workbench graph {verb}" in scanned("graph", verb, "--help").out


def test_check_finds_nothing_wrong_with_a_scan(scanned: Any) -> None:
    """What the scanners write keeps the shapes, and the count says so."""
    ran = scanned("graph", "check")

    assert ran.code == 0, ran.out
    assert "0 violations" in ran.out


def test_a_doubted_source_is_named(workbench: Any, estate: Path) -> None:
    """What an investigation doubts is listed with its reason, and no more once its source has looked again."""
    assert workbench("scan", "compose", estate / "shop").code == 0
    with GraphStore.open(workbench.home / "graph") as store:
        fact = next(each for each in store.facts() if each.predicate == terms.CALLS)
        doubt(store, fact, "switched off in March", datetime(2026, 1, 1, tzinfo=UTC))

    assert "switched off in March" in workbench("graph", "stale").err
    assert workbench("scan").code == 0
    assert "switched off in March" not in workbench("graph", "stale").err
