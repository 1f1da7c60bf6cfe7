"""Trace files: what an OTLP file says, and what a damaged one does not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ontology.nouns import Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.telemetry.trace_files import TraceFiles
from workbench.testing.vendors import OtlpLines


def asked(pattern: object, window: Window, what: str = "") -> Answered | Silent | Failed:
    return TraceFiles((str(pattern),)).ask(Question(Modality.TRACES, window, what=what)).reply


def test_spans_keep_their_tree_their_failures_and_their_durations(
    case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """Each span of the window is there, under its parent, with milliseconds and status."""
    held = case_tables["traces"]
    with OtlpLines(held) as place:
        reply = asked(place.url, fault_window)
        charges = asked(place.url, fault_window, what="POST /charge")

    late = held[(held["start"] >= fault_window.start) & (held["start"] <= fault_window.end)]
    assert isinstance(reply, Answered), reply
    assert isinstance(charges, Answered)
    assert len(reply.table) == len(late)
    assert sorted(reply.table["duration_ms"]) == sorted(late["duration_ms"])
    assert (reply.table["status"] == "error").sum() == (late["status"] == "error").sum()
    assert set(charges.table["service"]) == {"payment"}
    assert set(charges.table["parent_id"]) <= set(reply.table["span_id"])


def test_a_line_that_is_still_written_does_not_lose_the_file(
    case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """Half a last line is left out; half a line in the middle makes the file unreadable, and that is said."""
    with OtlpLines(case_tables["traces"]) as place:
        path = Path(place.url)
        whole = path.read_text()
        path.write_text(whole + whole[:40])
        late = asked(path, fault_window)
        path.write_text(whole[:40] + "\n" + whole)
        broken = asked(path, fault_window)

    assert isinstance(late, Answered)
    assert isinstance(broken, Failed)
    assert "cannot be read" in broken.reason


@pytest.mark.parametrize("content", [b"7\n", b"{}\n", b'{"resourceSpans": 3}\n', b"\xff\x00", b"{half", b"[\n1\n]"])
def test_what_is_no_otlp_is_failure(tmp_path: Path, content: bytes, fault_window: Window) -> None:
    """A file of something else was not looked at; an empty one, or no span in the window, is silence."""
    (tmp_path / "traces.json").write_bytes(content)
    (tmp_path / "empty.json").write_bytes(b"")

    assert isinstance(asked(tmp_path / "traces.json", fault_window), Failed)
    assert isinstance(asked(tmp_path / "empty.json", fault_window), Silent)
    assert isinstance(asked(tmp_path / "none.json", fault_window), Failed)
