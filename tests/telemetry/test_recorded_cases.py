"""What a recorded case promises: its alert, its windows, its tables, and clear sentences when a file is bad."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from ontology import terms
from ontology.errors import BadInput, NotFound
from ontology.nouns import Window
from workbench.intake import alertmanager
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.telemetry.layouts import COLUMNS
from workbench.telemetry.recorded import load_case, recorded_sources


def test_the_alert_is_the_one_that_the_webhook_makes_of_the_same_payload(case_folder: Path) -> None:
    """A recorded alert and the same alert by webhook are equal, so that both lead to one notebook."""
    case = load_case(case_folder)
    assert case.alert == alertmanager.alert(case.payload["alert"])


def test_without_an_onset_the_window_leaves_the_quiet_part_as_baseline(case_folder: Path) -> None:
    """A recorded alert that does not say its onset looks back to the abnormal window, its id unchanged."""
    alert = dict(load_case(case_folder).payload["alert"])
    alert["annotations"] = {}
    _edit(case_folder, alert={**alert, "startsAt": "2026-01-31T02:51:00Z"})
    case = load_case(case_folder)
    assert case.alert.window == Window.of("2026-01-31T02:50:00Z", "2026-01-31T02:51:00Z")
    assert case.alert.id == alertmanager.alert(case.payload["alert"]).id


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda folder: shutil.rmtree(folder), NotFound),
        (lambda folder: (folder / "case.json").unlink(), NotFound),
        (lambda folder: (folder / "case.json").write_text("{"), BadInput),
        (lambda folder: (folder / "case.json").write_text("[]"), BadInput),
        (lambda folder: (folder / "case.json").write_text('{"case_id": "x"}'), BadInput),
        (lambda folder: (folder / "case.json").write_bytes(b"\xff\xfe\x00"), BadInput),
        (lambda folder: _edit(folder, window_abnormal=["later", "sooner"]), BadInput),
        (lambda folder: _edit(folder, window_abnormal=[]), BadInput),
        (lambda folder: _edit(folder, alert={"labels": {}}), BadInput),
    ],
)
def test_a_broken_case_is_named_with_the_next_step(case_folder: Path, change, kind: type[Exception]) -> None:
    """A missing or malformed case.json raises an error for a person, with a next step, never a traceback's."""
    change(case_folder)
    with pytest.raises(kind) as raised:
        load_case(case_folder)
    assert raised.value.next_step


def _edit(folder: Path, **changes: object) -> None:
    path = folder / "case.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_changed_case_is_read_anew(case_folder: Path) -> None:
    """Nothing stale is answered after a case was recorded again in the same process."""
    before = load_case(case_folder)
    _edit(case_folder, summary="Recorded again", case_id="shop-2")
    assert (before.id, load_case(case_folder).id) == ("shop-1", "shop-2")


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "gone", "columns"])
def test_a_corrupt_table_fails_with_reason_and_remedy(case_folder: Path, damage: str, fault_window: Window) -> None:
    """A table that cannot be read is Failed with a remedy, never Silent and never a made-up answer."""
    path = case_folder / "metrics.parquet"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage in ("garbage", "empty"):
        path.write_bytes(b"PAR1 no parquet" if damage == "garbage" else b"")
    elif damage == "gone":
        path.unlink()
    else:
        pd.DataFrame({"when": [1], "who": ["x"]}).to_parquet(path)
    sources = recorded_sources(case_folder)
    reply = sources[Modality.METRICS].ask(Question(Modality.METRICS, fault_window)).reply
    assert isinstance(reply, Failed)
    assert "metrics.parquet" in reply.reason
    assert reply.remedy
    others = sources[Modality.LOGS].ask(Question(Modality.LOGS, fault_window)).reply
    assert isinstance(others, Answered), "one corrupt file must not take the others with it"


def test_the_query_shows_the_same_rows_again(case_folder: Path, fault_window: Window, quiet_window: Window) -> None:
    """The `query` of an answer is Python that, run as it stands, gives the rows of the answer."""
    case = load_case(case_folder)
    question = Question(
        Modality.METRICS, fault_window, (case.entity("payment"),), baseline=quiet_window, what="http_server_*"
    )
    reply = recorded_sources(case_folder)[Modality.METRICS].ask(question).reply
    assert isinstance(reply, Answered)
    names: dict[str, object] = {}
    importing, _, line = reply.query.partition("; ")
    exec(importing, names)
    pd.testing.assert_frame_equal(eval(line, names), reply.table)


def test_promql_fails_on_a_recording(case_folder: Path, fault_window: Window) -> None:
    """A query that a recording cannot run is Failed: it does not guess, and does not call it silence."""
    question = Question(Modality.METRICS, fault_window, what="rate(http_requests_total[1m])")
    assert isinstance(recorded_sources(case_folder)[Modality.METRICS].ask(question).reply, Failed)


def test_an_unknown_entity_is_silence(case_folder: Path, fault_window: Window) -> None:
    """Looking for an entity that has no rows is Silent, and says what was searched."""
    case = load_case(case_folder)
    reply = recorded_sources(case_folder)[Modality.LOGS].ask(
        Question(Modality.LOGS, fault_window, (case.entity("ghost"),))
    )
    assert isinstance(reply.reply, Silent)
    assert "ghost" in reply.reply.searched


def test_secrets_do_not_leave_a_recording(case_folder: Path, fault_window: Window, quiet_window: Window) -> None:
    """A password in a recorded change is neither in the answer nor in the rows that its query shows."""
    question = Question(Modality.CHANGES, fault_window, baseline=quiet_window)
    reply = recorded_sources(case_folder)[Modality.CHANGES].ask(question).reply
    assert isinstance(reply, Answered)
    assert "hunter22" not in reply.table.to_csv() + reply.digest
    assert "hunter22" not in load_case(case_folder).table("changes").to_csv()


def test_calls_come_from_traces_where_no_list_was_recorded(case_folder: Path) -> None:
    """Who calls whom is read off the parents of the spans, and stands in the topology as wb:calls."""
    case = load_case(case_folder)
    assert case.calls == (("checkout", "payment"),)
    calls = [fact for fact in case.topology if fact.predicate == terms.CALLS]
    assert [(fact.subject, fact.object) for fact in calls] == [
        (case.entity("checkout").iri, case.entity("payment").iri)
    ]


@pytest.mark.parametrize("dataset", ["petshop", "rcd-sockshop", "nezha-ob", "nezha-tt", "microirc-ob"])
def test_a_benchmark_case_answers_window_and_baseline_of_any_dates(shared_cases: Path, dataset: str) -> None:
    """Each benchmark layout gives the documented columns, rows before and in the window, and none from the future."""
    folder = next(path for path in sorted((shared_cases / dataset).iterdir()) if (path / "case.json").exists())
    case = load_case(folder)
    window = case.alert.window
    question = Question(Modality.METRICS, window, baseline=window.before(60))
    reply = recorded_sources(folder)[Modality.METRICS].ask(question).reply
    assert isinstance(reply, Answered)
    table = reply.table
    assert tuple(table.columns) == COLUMNS[Modality.METRICS]
    assert (table["time"] < window.start).sum() > 0
    assert (table["time"] >= window.start).sum() > 0
    assert table["time"].max() <= window.end
    assert {entity.name for entity in case.entities} >= set(table["entity"])


def test_petshop_keeps_its_history_and_missing_values(shared_cases: Path) -> None:
    """The whole shared history answers a one-minute baseline, at its own hour of the day, and NaN stays NaN."""
    folder = next(path for path in sorted((shared_cases / "petshop").iterdir()) if (path / "case.json").exists())
    case = load_case(folder)
    rows = case.rows("metrics", case.window_abnormal, baseline=case.window_abnormal.before(60))
    raw = pd.read_parquet((folder / case.payload["baseline"]).resolve())
    history = rows[rows["time"] < case.window_abnormal.start]
    moved = pd.Timestamp(raw["time"].iloc[0], unit="s", tz="UTC") - history["time"].min()
    assert history["time"].nunique() == len(raw)
    assert moved % timedelta(days=1) == timedelta(0)
    assert history["value"].isna().sum() == int(raw.drop(columns="time").isna().sum().sum())
    assert len(case.calls) > 40
    assert case.alert.labels["service"] == case.payload["target"]["entity"]


def test_rcd_splits_by_phase(shared_cases: Path) -> None:
    """The baseline of the two-phase benchmark is its normal phase, row for row, though it lies days before."""
    folder = next(path for path in sorted((shared_cases / "rcd-sockshop").iterdir()) if (path / "case.json").exists())
    case, raw = load_case(folder), pd.read_parquet(folder / "metrics.parquet")
    rows = case.rows("metrics", case.window_abnormal, baseline=case.window_abnormal.before(300))
    before = rows[rows["time"] < case.window_abnormal.start]
    assert before["time"].nunique() == (raw["phase"] == "normal").sum()
    assert rows["time"].nunique() == len(raw)
    cpu = before[(before["entity"] == "carts-db") & (before["metric"] == "cpu")]["value"]
    assert cpu.tolist() == raw.loc[raw["phase"] == "normal", "carts-db_cpu"].tolist()


def test_the_answer_of_a_case_is_never_opened(case_folder: Path, fault_window: Window) -> None:
    """Everything works with an answer file that would fail to open: nothing here reads it."""
    (case_folder / "truth.json").mkdir()  # opening a folder as a file raises
    for modality, source in recorded_sources(case_folder).items():
        source.ask(Question(modality, fault_window))
    assert load_case(case_folder).topology
