"""`workbench status` and `usage`: the same in words as the panel shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import assembly
from workbench.journal import Caps
from workbench.settings import Settings


def test_status_and_usage_say_how_things_stand(workbench: Any, small_case: Path) -> None:
    """An incident with its state and spend, the purse of the day, money by day, route and kind; the same as JSON."""
    assert workbench("status").out.startswith("0 open incidents\n0 to review\n0 scanned\n")
    journal = assembly.journal(Settings(home=workbench.home))
    alert = replace(assembly.recorded_alert(str(small_case)), severity="critical")
    journal.receive([alert], str(small_case))
    journal.settle(journal.reserve(f"case-{alert.id}", 0.5, caps=Caps(1.0, 20.0)), 0.25, 1200)

    ran = workbench("status")
    assert f"critical  {alert.title}  (waiting, " in ran.out
    assert f"workbench/open/{alert.id}" in ran.out
    assert "today: $0.25 of $20.00" in ran.out
    (known,) = json.loads(workbench("status", "--json").out)["incidents"]
    assert (known["id"], known["dollars"]) == (alert.id, 0.25)

    ran = workbench("usage", "--days", "7", BUDGET_MONTHLY_DOLLARS="50")
    assert ran.out.startswith("$0.25 from ")
    assert "of $50.00 committed" in ran.out
    assert "investigation  $    0.25         1,200 tokens     1 cases" in ran.out
    assert json.loads(workbench("usage", "--json").out)["by_kind"][0]["dollars"] == 0.25
    assert workbench("usage", "--days", "0").code == 2
