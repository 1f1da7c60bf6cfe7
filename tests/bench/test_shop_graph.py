"""What our scanners say of the shop, against what was written down by hand in `shop_truth.json` before they ran.

The shop is scanned as a copy in a folder of its own, from its declarations and its code alone: nothing runs.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dulwich import porcelain

from ontology import terms
from ontology.nouns import Fact, Iri, utc
from ontology.terms import Kind
from scanners.catalogue import scanner
from scanners.protocol import Scan
from scanners.resolver import settle
from workbench.bench.estate import recorder_names, variant

HERE = Path(__file__).parent
SHOP = HERE.parents[1] / "workbench" / "bench" / "estate" / "shop"
TRUTH: dict[str, Any] = json.loads((HERE / "shop_truth.json").read_text())
FOLDERS = {
    "compose": "", "kubernetes": "k8s", "source": "", "flags": "", "grafana": "grafana", "prometheus": "prometheus",
    "pipelines": "", "git": "",
}  # fmt: skip
Saying = tuple[str, str, str]
"""Name of a variable or flag; file below the service's folder; function."""


@dataclass(frozen=True)
class Seen:
    """The facts of all scanners about one copy of the shop."""

    facts: tuple[Fact, ...]
    problems: tuple[str, ...]

    def labels(self) -> dict[Iri, str]:
        """Return how each thing is called."""
        return {fact.subject: str(fact.object) for fact in self.facts if fact.predicate == terms.LABEL}

    def pairs(self, predicate: Iri) -> set[tuple[str, str]]:
        """Return the names of what a predicate joins."""
        labels = self.labels()
        return {
            (labels.get(fact.subject, fact.subject), labels.get(Iri(str(fact.object)), str(fact.object)))
            for fact in self.facts
            if fact.predicate == predicate
        }

    def named(self, kind: Kind) -> set[str]:
        """Return the names of the things of a kind."""
        labels, wanted = self.labels(), terms.class_iri(kind)
        return {labels[fact.subject] for fact in self.facts if fact.predicate == terms.TYPE and fact.object == wanted}

    def code(self, predicate: Iri, folder: str) -> set[Saying]:
        """Return what functions of a folder's code read or call, by the place that the evidence names."""
        return set(self._code(predicate, f"{folder}/"))

    def _code(self, predicate: Iri, folder: str) -> Iterator[Saying]:
        labels = self.labels()
        functions = {fact.subject for fact in self.facts if fact.predicate == terms.DEFINED_IN}
        for fact in self.facts:
            file = fact.evidence.partition(":")[0]
            if fact.predicate == predicate and file.startswith(folder):
                function = labels[fact.subject].rpartition(".")[2] if fact.subject in functions else ""
                yield labels[Iri(str(fact.object))], file.removeprefix(folder), function


def scanned(shop: Path, *scanners: str) -> Seen:
    """Scan a copy of the shop, made a repository of its own."""
    porcelain.init(shop)
    files = [str(path) for path in sorted(shop.rglob("*")) if path.is_file() and ".git" not in path.parts]
    porcelain.add(shop, files)
    porcelain.commit(shop, b"The shop", author=b"Jo <jo@example.invalid>", committer=b"Jo <jo@example.invalid>",
                     commit_timestamp=1_795_000_000, author_timestamp=1_795_000_000)  # fmt: skip
    now = utc("2026-11-23T12:00:00Z")
    scans: list[Scan] = [
        scanner(name, shop / folder, "shop", now=lambda: now).scan()
        for name, folder in FOLDERS.items()
        if name in scanners
    ]
    settled = list(settle(scans))
    problems = tuple(f"{each.where}: {each.reason}" for scan in settled for each in scan.problems)
    return Seen(tuple(fact for scan in settled for fact in scan.facts), problems)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What the scanners say of the shop under its own names."""
    folder = tmp_path_factory.mktemp("plain") / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return scanned(folder, *FOLDERS)


def told(key: str) -> dict[str, set[Saying]]:
    """Return one of the lists of truth by service."""
    return {name: {(row[0], row[1], row[2]) for row in each[key]} for name, each in TRUTH["services"].items()}


def truth_calls(names: Iterable[str] = TRUTH["services"]) -> set[tuple[str, str]]:
    """Return who calls or stores in whom."""
    services = TRUTH["services"]
    return {(name, other) for name in names for other in (*services[name]["calls"], *services[name]["stores"])}


def test_every_file_is_read(seen: Seen) -> None:
    """No scanner finds a file of the shop that it cannot read."""
    assert seen.problems == ()


def test_services_are_those_that_are_there(seen: Seen) -> None:
    """The graph holds the services of the Compose file, built ones and servers, and no others."""
    servers = {"postgres", "cache", "queue", "otel-collector", "prometheus", "alertmanager"}
    assert seen.named(Kind.SERVICE) == {*TRUTH["services"], *servers}


def test_who_calls_whom_is_whole_and_right(seen: Seen) -> None:
    """The calls and stores of the graph are those of truth, each one; Compose's word and code settle them."""
    watching = {"prometheus", "alertmanager"}
    calls = {pair for pair in seen.pairs(terms.CALLS) if pair[0] not in watching}
    assert calls == truth_calls()
    stores = {(name, other) for name, each in TRUTH["services"].items() for other in each["stores"]}
    assert seen.pairs(terms.USES_DATASTORE) == stores


@pytest.mark.parametrize("name", sorted(TRUTH["services"]))
def test_variables_are_read_where_truth_says(name: str, seen: Seen) -> None:
    """Each variable that a service's own code reads is in the graph with its file and function, and no other."""
    assert seen.code(terms.READS_ENV, name) == told("env")[name]


@pytest.mark.parametrize("name", sorted(TRUTH["services"]))
def test_flags_are_read_where_truth_says(name: str, seen: Seen) -> None:
    """Each flag that a service's code asks for is in the graph with its file and function, and no other."""
    assert seen.code(terms.READS_FLAG, name) == told("flags")[name]


@pytest.mark.parametrize("folder", sorted(TRUTH["runtimes"]))
def test_runtimes_read_what_truth_says(folder: str, seen: Seen) -> None:
    """Each variable that a language's runtime reads is in the graph with its file and function, and no other."""
    wanted = {(row[0], row[1], row[2]) for row in TRUTH["runtimes"][folder]}
    assert seen.code(terms.READS_ENV, folder) == wanted


def test_functions_that_call_are_clients(seen: Seen) -> None:
    """Of the functions that call another service nine in ten are known as its clients."""
    wanted = {(name, *row) for name, rows in told("clients").items() for row in rows}
    found = {(name, *row) for name in TRUTH["services"] for row in seen.code(terms.CLIENT_OF, name)}
    assert len(found & wanted) >= 0.9 * len(wanted)


def test_flags_are_defined(seen: Seen) -> None:
    """Every flag of the flags file is in the graph."""
    defined = set(json.loads((SHOP / "flags.json").read_text())["flags"])
    assert seen.named(Kind.FEATURE_FLAG) == defined


def test_alert_rules_watch_their_services(seen: Seen) -> None:
    """Every service that answers requests is watched by an alert on its latency, and the dashboard watches some."""
    watched = {name for _, name in seen.pairs(terms.ALERTS_ON)} & set(TRUTH["services"])
    assert watched == set(TRUTH["services"])
    assert {name for _, name in seen.pairs(terms.MONITORS)} >= {"payment", "shipping"}


def test_teams_own_their_services(seen: Seen) -> None:
    """The owner of each service's code is the team that CODEOWNERS names."""
    owned = {(name, owner.rpartition("/")[2]) for name, owner in seen.pairs(terms.OWNED_BY)}
    for name, each in TRUTH["services"].items():
        assert (name, each["owner"]) in owned


def test_renamed_shop_gives_the_same_graph(seen: Seen, tmp_path: Path) -> None:
    """With random words for the services' names the graph is the same but for the words: nothing knows a name."""
    names = variant.shuffled(seed=5)
    other = scanned(variant.write(names, tmp_path), "compose", "kubernetes", "source", "prometheus")

    def renamed(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
        return {
            (recorder_names.renamed(first, names), recorder_names.renamed(second, names)) for first, second in pairs
        }

    assert other.problems == ()
    for predicate in (terms.CALLS, terms.USES_DATASTORE, terms.READS_ENV, terms.READS_FLAG, terms.ALERTS_ON):
        assert other.pairs(predicate) == renamed(seen.pairs(predicate)), predicate
