"""What an investigation learns of the estate: used by its next step, answered by SPARQL, gone when it is rejected."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from memory.episodes import EpisodeStore
from ontology import iris, terms
from ontology.errors import NotFound
from workbench.assembly import recorded_alert, workplace
from workbench.desk.desk import Desk, Tools
from workbench.engine.loop import opened
from workbench.graph.writeback import doubts
from workbench.journal import Journal
from workbench.nouns import Budget, Modality
from workbench.reasoning.statistical import StatisticalReasoner
from workbench.settings import load

SHIPPED = Path(__file__).parents[2] / "workbench/bench/recordings/shop-cd49a5"
CALLS = f"<{terms.CALLS}>"


@pytest.fixture
def forgotten(tmp_path: Path) -> tuple[Path, str, str]:
    """A recorded incident whose graph does not know one call that the traces show: folder, caller, callee."""
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "case"))
    lines = gzip.decompress((folder / "graph.nq.gz").read_bytes()).decode().splitlines(keepends=True)
    calls = sorted(line for line in lines if f" {CALLS} " in line and "/g/" in line)
    named = [(line.split()[0], line.split()[2]) for line in calls]
    ends = next(pair for pair in named if "checkout" in pair[0] and "payment" in pair[1])
    kept = [line for line in lines if not all(end in line for end in ends)]
    assert len(kept) < len(lines)
    (folder / "graph.nq.gz").write_bytes(gzip.compress("".join(kept).encode()))
    caller, callee = (end.strip("<>").rpartition(":")[2] for end in ends)
    return folder, caller, callee


@pytest.fixture
def desk(forgotten: tuple[Path, str, str], tmp_path: Path) -> Callable[[], Desk]:
    """Open the case as a fresh kernel does."""
    folder, _, _ = forgotten
    case = opened(recorded_alert(str(folder)))

    def made() -> Desk:
        journal = Journal(tmp_path / "journal.db")
        tools = Tools(
            workplace(str(folder), load()),
            journal,
            EpisodeStore(tmp_path / "episodes"),
            StatisticalReasoner(),
            Budget(dollars=1.0, tokens=1000, questions=40, seconds=300.0),
            0.6,
            tmp_path / "incident.ipynb",
        )
        desk = Desk(case, tools, journal.trail(case.id))
        desk.open()
        return desk

    return made


def asked(desk: Desk, caller: str) -> set[str]:
    """Return whom the graph of the desk says the service calls."""
    from workbench.graph.ask import ask

    query = f'SELECT ?name {{ ?a rdfs:label "{caller}" ; wb:calls ?b . ?b rdfs:label ?name }}'
    return set(ask(desk.tools.place.graph, query)["name"])


def until_traces(desk: Desk) -> None:
    while not any(each.question.modality is Modality.TRACES for each in desk.case.observations):
        desk.step(replay=False)


def test_a_fact_learned_in_one_step_is_used_in_the_next(
    desk: Callable[[], Desk], forgotten: tuple[Path, str, str]
) -> None:
    """A call that only the traces show is no part of the topology before them, and is one of the next step's."""
    case = desk()
    _, caller, callee = forgotten
    begin = next(each.iri for each in case.case.scope if each.name == caller)
    end = iris.service(callee, begin.rpartition("/")[2].partition(":")[0])
    assert end not in {each.iri for each in case.case.scope}

    until_traces(case)

    (fact,) = [each for each in case.case.learned if (each.subject, each.object) == (begin, end)]
    assert fact in case.case.topology
    assert end in {each.iri for each in case.case.scope}
    assert fact.evidence.startswith("o-")
    assert "trace" in fact.evidence


def test_sparql_answers_what_was_learned_until_it_is_rejected(
    desk: Callable[[], Desk], forgotten: tuple[Path, str, str]
) -> None:
    """The learned call is answered with the others; rejected, it is gone from graph and topology, and stays away."""
    case = desk()
    _, caller, callee = forgotten
    assert callee not in asked(case, caller)
    until_traces(case)
    assert callee in asked(case, caller)

    shown = case.reject(f"{caller} calls {callee}", because="a mirror of the traffic")
    case.run()

    assert f"Not so: {caller} calls {callee}: a mirror of the traffic" in shown.text
    assert callee not in asked(case, caller)
    assert not any(each.id in case.case.steers[0].target for each in (*case.case.learned, *case.case.topology))


def test_a_rejection_is_kept_by_a_fresh_kernel(desk: Callable[[], Desk], forgotten: tuple[Path, str, str]) -> None:
    """A kernel that takes the case up again does not bring the rejected fact back."""
    first = desk()
    _, caller, callee = forgotten
    until_traces(first)
    first.reject(f"{caller} calls {callee}", because="a mirror of the traffic")

    again = desk()
    again.step(replay=False)

    assert callee not in asked(again, caller)


def test_the_line_of_a_rejection_is_replayed(desk: Callable[[], Desk], forgotten: tuple[Path, str, str]) -> None:
    """Run-all in a fresh kernel passes over the rejection, though the fact is known no more."""
    first = desk()
    _, caller, callee = forgotten
    until_traces(first)
    line = f"{caller} calls {callee}"
    first.reject(line)

    again = desk()
    shown = again.reject(line)

    assert f"Not so: {line}" in shown.text
    assert len(again.case.steers) == 1


def test_an_accepted_fact_is_shown_as_such(desk: Callable[[], Desk], forgotten: tuple[Path, str, str]) -> None:
    """What was accepted is said to be, and lies in a graph that is not the case's."""
    case = desk()
    _, caller, callee = forgotten
    until_traces(case)
    case.accept(f"{caller} calls {callee}")

    assert "accepted" in case.learned().text
    graphs = {name for name in case.tools.place.graph.graphs() if "/accepted/" in name}
    assert graphs


def test_what_a_scanner_said_is_doubted_not_deleted(desk: Callable[[], Desk]) -> None:
    """Rejecting a scanned call leaves it in the graph, out of this case, and asks for its source to look again."""
    case = desk()
    names = {each.iri: each.name for each in case.case.scope}
    scanned = next(each for each in case.case.topology if each.predicate == terms.CALLS)
    caller, callee = names[scanned.subject], names[scanned.object]  # type: ignore[index]  # an Iri is a str

    case.reject(f"{caller} calls {callee}", because="switched off in March")

    assert callee in asked(case, caller)
    assert scanned not in case.case.topology
    assert any("switched off in March" in each.because for each in doubts(case.tools.place.graph))


def test_an_unknown_fact_names_what_was_learned(desk: Callable[[], Desk]) -> None:
    """A misspelt fact changes nothing and says how to write one."""
    case = desk()
    before = case.case

    with pytest.raises(NotFound, match="checkout calls payment"):
        case.accept("f-000000")

    assert case.case == before
