"""The catalogue of faults: what is in it, that its answers can be given, and that its patches fit the shop."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from dulwich import porcelain

from ontology.errors import NotFound
from ontology.terms import FAILURE_MODES
from workbench.bench.estate.faults import CATALOGUE, fault
from workbench.bench.estate.faults.code import line_of
from workbench.bench.estate.faults.nouns import PATCHES
from workbench.bench.estate.history import History

SHOP = Path(__file__).parents[2] / "workbench/bench/estate/shop"
SERVICES = {
    name: each
    for name, each in yaml.safe_load((SHOP / "compose.yaml").read_text())["services"].items()
    if "build" in each
}
LABELS = [label for each in CATALOGUE.values() for label in (each.label, *each.also) if label is not None]


@dataclass
class Pretended:
    """An estate where nothing happens but that releases and flags are noted."""

    environments: Mapping[str, Mapping[str, str]]
    released: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)

    def declared(self) -> Mapping[str, Mapping[str, str]]:
        return self.environments

    def version(self, name: str) -> str:
        return "1.0.9"

    def deploy(self, name: str, version: str, *, environment: Mapping[str, str], **_: object) -> str:
        assert version == "1.0.10"
        self.released.append((name, environment))
        return "0" * 40

    def flag(self, name: str, value: str) -> str:
        self.flags.append(name)
        return "0" * 40


def copied(place: Path) -> Path:
    """Return a copy of the shop with a repository in it."""
    shop = place / "shop"
    shutil.copytree(SHOP, shop, ignore=shutil.ignore_patterns("node_modules", "__pycache__", "build"))
    porcelain.init(str(shop))
    return shop


def test_every_family_has_faults() -> None:
    """There are at least 25 faults with a cause, over every family, and cases that tell good judgement from bad."""
    families = [each.family for each in CATALOGUE.values() if each.label is not None]
    assert len(families) >= 25
    assert set(families) >= {
        *("resource", "network", "process", "dependency", "configuration", "code", "data", "load", "certificate"),
        *("recovered", "two at once", "red herring", "missing source"),
    }
    assert len([each for each in CATALOGUE.values() if each.label is None]) >= 2


def test_answers_are_services_and_modes_that_there_are() -> None:
    """Every answer names a service of the shop and failure modes of the taxonomy."""
    assert {label.entity for label in LABELS} <= set(SERVICES)
    assert {mode for label in LABELS for mode in (label.mode, *label.also)} <= set(FAILURE_MODES)


def test_only_what_is_no_fault_has_no_impact() -> None:
    """A fault says what must be felt; a case without one says nothing, since nothing may be felt."""
    assert all(bool(each.impact) == (each.label is not None) for each in CATALOGUE.values())


def test_releases_name_settings_that_their_service_has() -> None:
    """Faults of configuration change settings and flags that were there before; they invent none."""
    estate: Any = Pretended({name: each["environment"] for name, each in SERVICES.items()})
    for each in CATALOGUE.values():
        if each.family == "configuration":
            each.inject(estate)

    assert len(estate.released) >= 4
    assert all(set(settings) <= set(SERVICES[name]["environment"]) for name, settings in estate.released)
    assert set(estate.flags) <= set(json.loads((SHOP / "flags.json").read_text())["flags"])


@pytest.mark.parametrize("patch", sorted(PATCHES.glob("*.patch")), ids=lambda path: path.stem)
def test_patch_fits_the_shop_and_comes_off_again(patch: Path, tmp_path: Path) -> None:
    """A release from a patch changes the files that it names, and taking it back leaves the shop as it was."""
    shop = copied(tmp_path)
    history = History(shop)

    files = history.apply(patch)
    after = [path.read_text() for path in files]
    history.apply(patch, reverse=True)

    before = [path.read_text() for path in files]
    assert before == [(SHOP / path.relative_to(shop)).read_text() for path in files]
    assert all(one != other for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("patch", "text"), [("charge-regions", "toUpperCase"), ("weighed-stars", "each == other")], ids=["java", "python"]
)
def test_line_of_a_code_fault_is_right_once_its_patch_is_applied(patch: str, text: str, tmp_path: Path) -> None:
    """The answer's file and line hold the faulty words in the tree that the release makes."""
    shop = copied(tmp_path)
    History(shop).apply(PATCHES / f"{patch}.patch")

    name, _, number = line_of(patch, text).partition(":")

    assert text in (shop / name).read_text().splitlines()[int(number) - 1]


def test_code_faults_say_where_they_are() -> None:
    """Every fault in code has a file of the shop and a line, and no other fault pretends to have one."""
    for each in CATALOGUE.values():
        code = each.label.code if each.label else ""
        assert bool(code) == (each.family == "code"), each.name
        assert not code or (SHOP / code.partition(":")[0]).is_file(), each.name


def test_every_fault_is_in_the_documentation() -> None:
    """The table of docs/estate.md has a row for every fault, with its failure mode."""
    text = (SHOP.parents[3] / "docs/estate.md").read_text()
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("| ")}
    for each in CATALOGUE.values():
        mode = each.label.mode if each.label else "none"
        assert rows[each.name].endswith(f" {mode} |"), each.name


def test_unknown_fault_is_refused_with_one_that_is_meant() -> None:
    """An unknown fault's error names the one that is nearest."""
    with pytest.raises(NotFound, match="lock-ledger"):
        fault("lock-leger")
