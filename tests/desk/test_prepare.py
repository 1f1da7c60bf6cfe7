from __future__ import annotations

from pathlib import Path

import pytest

from ontology.nouns import Alert
from workbench import assembly
from workbench.desk.door import keep_recorded, take_up
from workbench.desk.prepare import Desks, backend
from workbench.notebook import document
from workbench.render.view import HYPOTHESIS
from workbench.settings import Settings


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desks, Alert, Path]:
    """A data folder in which one recorded incident has its notebook."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    alert = keep_recorded(sorted(assembly.recordings())[0], settings)
    desks = backend(settings)
    return desks, alert, desks.create(alert)


def test_a_fresh_notebook_holds_its_first_screen_before_a_kernel_runs(prepared: tuple[Desks, Alert, Path]) -> None:
    """The opening cell shows hypotheses with confidence and evidence, in a bundle that a program can read too."""
    _, alert, path = prepared

    opening = document.read(path).cells[0].outputs[0].data
    first = opening[HYPOTHESIS]["hypotheses"][0]

    assert "Most likely" in opening["text/plain"]
    assert first["confidence"] > 0
    assert first["because"]
    assert all(f'open("{alert.id}").show("{each["observation"]}"' in each["query"] for each in first["evidence"])


def test_a_fresh_notebook_is_small_and_short(prepared: tuple[Desks, Alert, Path]) -> None:
    """It has at most fifteen cells, under a megabyte, and no widget state."""
    _, _, path = prepared
    notebook = document.read(path)

    assert len(notebook.cells) <= 15
    assert path.stat().st_size < 1_000_000
    assert "widgets" not in notebook.metadata


def test_the_same_alert_leads_to_the_same_notebook(prepared: tuple[Desks, Alert, Path]) -> None:
    """Creating twice gives one file, and leaves what a person wrote in it."""
    desks, alert, path = prepared
    before = path.read_bytes()

    again = desks.create(alert)

    assert again == path
    assert path.read_bytes() == before


def test_every_recording_has_an_alert_of_its_own() -> None:
    """Two recordings with one alert id would share a notebook, and one would hide the other."""
    ids = [assembly.recorded_alert(name).id for name in assembly.recordings()]

    assert len(ids) == len(set(ids))


def test_saving_the_notebook_refreshes_the_episode(prepared: tuple[Desks, Alert, Path]) -> None:
    """What was saved after the case was closed is in the episode's copy; another notebook changes nothing."""
    desks, alert, path = prepared
    take_up(alert.id, desks.settings).save("unresolved")
    notebook = document.read(path)
    notebook.cells[-1].source = "# said later"
    document.write(path, notebook)

    desks.saved(path)

    (episode,) = assembly.memory(desks.settings).episodes()
    kept = desks.settings.home / "episodes" / episode.id / "notebook.ipynb"
    assert document.read(kept).cells[-1].source == "# said later"


def test_the_door_gives_the_graph_for_rdflib() -> None:
    """`wb.estate().to_rdflib()` holds what SPARQL sees of the case that was opened last."""
    import workbench as wb

    wb.recorded(sorted(assembly.recordings())[0])

    graph = wb.estate().to_rdflib()

    calls = "SELECT DISTINCT ?a ?b { ?a wb:calls ?b }"
    assert len(list(graph.query(calls))) == len(wb.sparql(calls)) > 0
