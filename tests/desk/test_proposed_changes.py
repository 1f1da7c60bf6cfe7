"""A confirmed cause becomes a patch: on recorded incidents, against the estate's own repository, made by its code."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from ontology.errors import NotAllowed
from workbench.bench.estate.compose import LEFT_OUT, SHOP
from workbench.bench.estate.faults.nouns import PATCHES
from workbench.bench.estate.history import History
from workbench.bench.estate.releasing import Releases
from workbench.desk.desk import Desk, Tools
from workbench.desk.door import keep_recorded, take_up
from workbench.journal import Entry, Journal
from workbench.nouns import Answered, Case, Level, Modality, Observation
from workbench.ports import Source
from workbench.settings import Settings

NEXT = "9.9.9"
"""A version that no service of the shop has."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The estate's repository as it is before any fault, written by the estate's own code."""
    folder = tmp_path_factory.mktemp("estate") / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    releases = Releases(folder)
    versions = {name: each.version for name, each in releases.compose.services.items()}
    History(folder).begin(versions, seed=3)
    return folder


@pytest.fixture(scope="module")
def investigated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Desk]:
    """Investigate a recorded incident, but for its traces, which take long; once for all tests."""

    @cache
    def desk(recording: str) -> Desk:
        chosen = Settings(home=tmp_path_factory.mktemp("home"))
        made = take_up(keep_recorded(recording, chosen).id, chosen, sit=_with_less)
        made.run()
        return made

    return desk


def _with_less(case: Case, tools: Tools, trail: tuple[Entry, ...]) -> Desk:
    world = tools.place.environment
    sources: dict[Modality, Source] = {each: world.sources[each] for each in Modality if each is not Modality.TRACES}
    return Desk(case, replace(tools, place=replace(tools.place, environment=replace(world, sources=sources))), trail)


def a_desk(
    known: Desk, folder: Path, names: Mapping[str, str], suspect: str = "gateway", level: Level = Level.PROPOSE
) -> Desk:
    """Return a desk on what is known, a suspect confirmed, the commits named as in a repository that was made anew."""
    seen = tuple(_renamed(each, names) for each in known.case.observations)
    tools = replace(
        known.tools, journal=Journal(folder / "journal.db"), notebook=folder / "slow.ipynb", level=lambda _: level
    )
    desk = Desk(replace(known.case, observations=seen), tools)
    desk.confirm(next(each.id for each in desk.case.hypotheses if each.suspect.name == suspect))
    return desk


def _renamed(each: Observation, names: Mapping[str, str]) -> Observation:
    if each.question.modality is not Modality.CHANGES or not isinstance(each.reply, Answered):
        return each
    table = each.reply.table.assign(ref=[names.get(ref, ref) for ref in each.reply.table["ref"]])
    return replace(each, reply=replace(each.reply, table=table))


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("recording", "recorded", "service", "patch", "environment"),
    [
        ("store-35bdcd", "42a547c964", "gateway", "access-log", {}),
        ("store-8ba9ff", "08cdda291f", "checkout", "", {"TOKEN_SECRET": "rotated-fake"}),
        ("store-58c895", "0188756214", "gateway", "", {"CHECKOUT_TIMEOUT_MS": "60"}),
    ],
)
def test_a_recorded_incident_yields_a_patch_that_applies_and_undoes_the_fault(
    recording: str,
    recorded: str,
    service: str,
    patch: str,
    environment: dict[str, str],
    shop: Path,
    investigated: Callable[[str], Desk],
    tmp_path: Path,
) -> None:
    """After `git apply` of what was written, every file of the estate is again as it was before the fault."""
    estate = tmp_path / "shop"
    shutil.copytree(shop, estate)
    before = {path: path.read_bytes() for path in estate.rglob("*") if path.is_file() and ".git" not in path.parts}
    file = PATCHES / f"{patch}.patch" if patch else None
    sha = Releases(estate).release(service, NEXT, environment, patch=file, message=f"{service}: as recorded")
    faulty = {path for path, was in before.items() if path.read_bytes() != was}
    desk = a_desk(investigated(recording), tmp_path / "home", {recorded: sha[:10]}, service)
    shown = desk.propose_change(repository=estate).text
    (patched,) = desk.tools.notebook.parent.glob("*.patch")
    assert faulty
    assert {path for path, was in before.items() if path.read_bytes() != was} == faulty  # only proposed
    git(estate, "apply", str(patched))
    assert [path for path, was in before.items() if path.read_bytes() != was] == []
    assert "wrote" in shown
    said = patched.with_suffix(".md").read_text()
    assert "## Evidence" in said
    assert "rotated-fake" not in said


def test_what_mended_the_incident_is_never_taken_back(
    shop: Path, investigated: Callable[[str], Desk], tmp_path: Path
) -> None:
    """A change from after the alert is no candidate: where the checkout holds that one alone, no patch is written."""
    estate = tmp_path / "shop"
    shutil.copytree(shop, estate)
    sha = Releases(estate).release("gateway", NEXT, {"CHECKOUT_TIMEOUT_MS": "900"}, message="gateway: take back")
    desk = a_desk(investigated("store-58c895"), tmp_path / "home", {"4fcf226def": sha[:10]})
    shown = desk.propose_change(repository=estate).text
    assert "No change is proposed" in shown
    assert "holds no commit 0188756214" in shown
    assert list(desk.tools.notebook.parent.glob("*.patch")) == []


def test_a_patch_that_would_not_apply_is_not_written(
    shop: Path, investigated: Callable[[str], Desk], tmp_path: Path
) -> None:
    """Where the lines were changed again since, it says so, and writes nothing."""
    estate = tmp_path / "shop"
    shutil.copytree(shop, estate)
    releases = Releases(estate)
    sha = releases.release("gateway", NEXT, {"CHECKOUT_TIMEOUT_MS": "60"}, message="gateway: stricter")
    releases.release("gateway", "9.9.10", {"CHECKOUT_TIMEOUT_MS": "70"}, message="gateway: less strict")
    desk = a_desk(investigated("store-58c895"), tmp_path / "home", {"0188756214": sha[:10]})
    shown = desk.propose_change(repository=estate).text
    assert "does not apply" in shown
    assert list(desk.tools.notebook.parent.glob("*.patch")) == []


def test_below_propose_no_change_is_proposed(investigated: Callable[[str], Desk], tmp_path: Path) -> None:
    """At diagnose the verb is refused, and says how a person raises the level."""
    desk = a_desk(investigated("store-58c895"), tmp_path, {}, level=Level.DIAGNOSE)
    with pytest.raises(NotAllowed, match="trust level diagnose") as refused:
        desk.propose_change()
    assert "workbench trust gateway propose" in refused.value.next_step
