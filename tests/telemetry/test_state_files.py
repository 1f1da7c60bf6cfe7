"""State files: what is told, what is half written, and what is no state."""

from __future__ import annotations

import json
from pathlib import Path

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.settings import Settings
from workbench.telemetry.clients import LiveClients
from workbench.telemetry.live import live_sources
from workbench.telemetry.state_files import StateFiles

WINDOW = Window.of("2026-01-31T02:50:00Z", "2026-01-31T02:55:00Z")
PAYMENT = Entity(iris.service("payment", "shop"), "Service", "payment")
DIED = {"time": "2026-01-31T02:51:02.123Z", "entity": "payment", "kind": "container", "field": "last terminated"}
DIED |= {"value": "OOMKilled, exit code 137"}
FLAG = {"time": "2026-01-31T02:52:00Z", "entity": "fresh", "kind": "flag", "field": "fresh", "value": "on"}


def asked(path: object, **more: object) -> Answered | Silent | Failed:
    return StateFiles(str(path)).ask(Question(Modality.STATE, WINDOW, **more)).reply  # type: ignore[arg-type]


def test_rows_of_the_window_are_told_in_its_columns(tmp_path: Path) -> None:
    """A row within the window is told as it stands; one from before it is not."""
    early = {**DIED, "time": "2026-01-31T02:40:00Z"}
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (early, DIED)))
    reply = asked(tmp_path / "events.jsonl")

    assert isinstance(reply, Answered)
    (row,) = reply.table.to_dict("records")
    assert (row["entity"], row["kind"], row["field"], row["value"]) == tuple(
        DIED[name] for name in ("entity", "kind", "field", "value")
    )
    assert f"{row['time']:%H:%M:%S}" == "02:51:02"


def test_a_kind_and_an_entity_narrow(tmp_path: Path) -> None:
    """Only rows of the kind that is named, and of whom the question is about."""
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (DIED, FLAG)))
    flags = asked(tmp_path / "events.jsonl", what="flag")
    own = asked(tmp_path / "events.jsonl", about=(PAYMENT,))

    assert isinstance(flags, Answered)
    assert list(flags.table["entity"]) == ["fresh"]
    assert isinstance(own, Answered)
    assert list(own.table["entity"]) == ["payment"]


def test_a_last_line_that_is_half_written_is_no_failure(tmp_path: Path) -> None:
    """While somebody writes, the lines before are told; nothing at all is silence."""
    (tmp_path / "events.jsonl").write_text(json.dumps(DIED) + '\n{"time": "2026-')
    (tmp_path / "empty.jsonl").write_text("")

    assert isinstance(asked(tmp_path / "events.jsonl"), Answered)
    assert isinstance(asked(tmp_path / "empty.jsonl"), Silent)


def test_what_is_no_state_is_failure(tmp_path: Path) -> None:
    """No file, a line that is no object, or one without an entity: Failed, never silence."""
    (tmp_path / "foreign.jsonl").write_text('{"time": "2026-01-31T02:51:00Z"}\n[]\n')
    (tmp_path / "text.jsonl").write_text(f"all is well\n{json.dumps(DIED)}\n")

    for name in ("none.jsonl", "foreign.jsonl", "text.jsonl"):
        reply = asked(tmp_path / name)
        assert isinstance(reply, Failed), name
        assert reply.remedy


def test_the_setting_sets_it_up(tmp_path: Path) -> None:
    """With `state_file` in the settings there is a live source of state."""
    (tmp_path / "events.jsonl").write_text(json.dumps(DIED) + "\n")
    sources = live_sources(Settings(home=tmp_path, state_file=str(tmp_path / "events.jsonl")), LiveClients())

    assert isinstance(sources[Modality.STATE].ask(Question(Modality.STATE, WINDOW)).reply, Answered)
