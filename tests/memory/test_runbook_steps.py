from __future__ import annotations

from pathlib import Path

import pytest

from memory.runbooks import fitting, only_looks, read
from ontology.errors import BadInput
from ontology.nouns import Alert, Window

ALERT = Alert(
    "a-1", "PoolFull", Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"), labels={"alertname": "PoolFull"}
)


def a_runbook(folder: Path, name: str, header: str, body: str = "1. Look.\n") -> Path:
    path = folder / f"{name}.md"
    path.write_text(f"---\ntitle: {name}\n{header}\n---\n{body}")
    return path


def test_a_step_comes_with_what_it_asks(tmp_path: Path) -> None:
    """The fenced lines under a step are its question; a step without has none."""
    body = "1. See the lines.\n   ```python\n   case.logs()\n   ```\n2. Talk to the owner.\n"

    steps = read(a_runbook(tmp_path, "pool", "alerts: [PoolFull]", body)).looks

    assert [(each.text, each.look) for each in steps] == [
        ("See the lines.", "case.logs()"),
        ("Talk to the owner.", ""),
    ]


@pytest.mark.parametrize(
    "code",
    ["import os", "case.save()", "case.logs(open('x'))", "x = 1", "case.logs", "case.graph.drop()", "case.logs("],
)
def test_a_step_that_would_do_more_than_look_is_refused(tmp_path: Path, code: str) -> None:
    """Only calls that read, with plain values, may stand in a runbook; anything else is named and refused."""
    assert not only_looks(code)
    with pytest.raises(BadInput, match="more than look"):
        read(a_runbook(tmp_path, "bad", "alerts: [PoolFull]", f"1. Act.\n   ```python\n   {code}\n   ```\n"))


def test_the_runbook_of_the_alert_comes_first_and_kinds_narrow(tmp_path: Path) -> None:
    """A runbook named for the alert leads one for the failure mode; one for another kind of thing is not offered."""
    runbooks = [
        read(a_runbook(tmp_path, "a-mode", "failure_modes: [resource-leak]")),
        read(a_runbook(tmp_path, "b-alert", "alerts: [PoolFull]")),
        read(a_runbook(tmp_path, "c-queue", "alerts: [PoolFull]\nkinds: [Queue]")),
    ]

    found = fitting(runbooks, ALERT, "resource-leak", ("Service",))

    assert [each.id for each in found] == ["b-alert", "a-mode"]
