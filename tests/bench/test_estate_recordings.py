"""The cases that were recorded from the live estate hold what a case promises, and tell nothing of their answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ontology.terms import FAILURE_MODES
from workbench.bench.estate.faults import CATALOGUE
from workbench.bench.estate.recorder import HOLD, LIMIT
from workbench.nouns import Answered, Modality, Question
from workbench.telemetry.recorded import load_case, recorded_sources

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "workbench/bench/recordings").glob("store-*"))
SHUFFLED = sorted((ROOT / "tests/recordings").glob("store-*"))
EVERY = pytest.mark.parametrize("folder", [*SHIPPED, *SHUFFLED], ids=lambda folder: folder.name)
ROLES = [
    name
    for name, each in yaml.safe_load((ROOT / "workbench/bench/estate/shop/compose.yaml").read_text())[
        "services"
    ].items()
    if "build" in each
]
WHOLE = 0.97
"""Share of the traces that are whole: those that were under way when the window began or ended are not."""


def truth_of(folder: Path) -> dict[str, Any]:
    home = ROOT / ("workbench/bench/truth" if folder in SHIPPED else "tests/recordings/truth")
    said: dict[str, Any] = json.loads((home / f"{folder.name}.json").read_text())
    return said


def case_of(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "case.json").read_text())
    return said


def everything_said(folder: Path) -> str:
    """Return all text of a recording: the case, every word in a table, the graph."""
    said = [(folder / "case.json").read_text(), gzip.decompress((folder / "graph.nq.gz").read_bytes()).decode()]
    for path in folder.glob("*.parquet"):
        table = pd.read_parquet(path)
        for name in table.select_dtypes(include=["object", "string"]):
            if isinstance(table[name].iloc[0] if len(table) else "", str):
                said += [str(word) for word in table[name].unique()]
    return "\n".join(said)


def test_cases_ship_and_some_are_kept_for_tests() -> None:
    """The cases are of several families; those kept apart are other incidents, under other names."""
    families = {truth_of(folder)["family"] for folder in SHIPPED}
    assert len(SHIPPED) >= 8
    assert len(families) >= 5
    assert SHUFFLED
    assert not {folder.name for folder in SHUFFLED} & {folder.name for folder in SHIPPED}


@EVERY
def test_case_is_small(folder: Path) -> None:
    """All files of a case together stay under the limit."""
    assert sum(path.stat().st_size for path in folder.iterdir()) <= LIMIT


@EVERY
def test_answer_is_one_of_the_catalogue(folder: Path) -> None:
    """The answer names a fault of the catalogue, a mode of the taxonomy, and a service that the case knows."""
    truth, case = truth_of(folder), load_case(folder)
    assert truth["fault"] in CATALOGUE
    assert truth["failure_mode"] is None or truth["failure_mode"] in FAILURE_MODES
    names = {each.name for each in case.entities}
    assert truth["root_cause"] is None or truth["root_cause"] in names


@EVERY
def test_case_says_nothing_of_the_answer(folder: Path) -> None:
    """case.json tells neither when the fault was made, nor what it is called, nor its mechanism."""
    text, truth = (folder / "case.json").read_text(), truth_of(folder)
    for word in (truth["t_fault"], truth["fault_type"], truth["fault"]):
        assert word in (None, "none", "quiet", "spike") or str(word) not in text


@EVERY
def test_alert_comes_after_the_fault_and_the_windows_part_before_it(folder: Path) -> None:
    """The fault lies in the abnormal window, and the alert fired after it, while the recording went on."""
    case, truth = case_of(folder), truth_of(folder)
    start, end = (pd.Timestamp(moment) for moment in case["window_abnormal"])
    fired = pd.Timestamp(case["alert"]["startsAt"])
    onset = pd.Timestamp(truth["t_fault"]) if truth["t_fault"] else fired
    assert pd.Timestamp(case["window_normal"][1]) == start < onset <= fired < end
    assert truth["t_fault"] is None or fired - onset >= pd.Timedelta(seconds=HOLD)
    assert {"alertname", "service", "severity"} <= set(case["alert"]["labels"])


@EVERY
def test_traces_are_whole(folder: Path) -> None:
    """Nearly every sampled trace has one root, and every other span its parent."""
    files = case_of(folder)["files"]
    if "traces" not in files:
        assert truth_of(folder)["family"] == "missing source"
        return
    table = pd.read_parquet(folder / files["traces"][0])
    known = set(zip(table["trace_id"], table["span_id"], strict=True))
    orphans = [
        trace
        for trace, parent in zip(table["trace_id"], table["parent_id"], strict=True)
        if parent and (trace, parent) not in known
    ]
    assert len(set(orphans)) <= (1 - WHOLE) * table["trace_id"].nunique() + 3


@EVERY
def test_recording_carries_nothing_of_the_machine(folder: Path) -> None:
    """No table and no graph names a path or an address of the machine that recorded it."""
    text = everything_said(folder)
    for word in ("/work/", "/tmp/", "/root/", "127.0.0.1:", "localhost:"):
        assert word not in text


@EVERY
def test_metrics_can_be_asked_in_other_words(folder: Path) -> None:
    """A query that nobody asked while recording is answered from the raw series."""
    if "metrics" not in case_of(folder)["files"]:
        assert truth_of(folder)["family"] == "missing source"
        return
    query = "max by (service) (rate(http_server_request_duration_seconds_count[30s]))"
    source = recorded_sources(folder)[Modality.METRICS]
    reply = source.ask(Question(Modality.METRICS, load_case(folder).window_abnormal, what=query)).reply
    assert isinstance(reply, Answered), reply
    assert reply.table["entity"].nunique() >= 8


@pytest.mark.parametrize("folder", SHUFFLED, ids=lambda folder: folder.name)
def test_shuffled_names_hide_the_roles(folder: Path) -> None:
    """No service's name is left in a case with other names: not in a table, not in its alert, not in its graph."""
    text = everything_said(folder).lower()
    assert not [role for role in ROLES if role in text]
