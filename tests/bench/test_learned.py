from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from workbench.bench.learned import with_and_without

HIDDEN = "store-1"
"""Shows one everyday alert more than the others; only experience tells that it is the cause."""


def a_list(folder: Path, count: int) -> Path:
    """Write a list of cases: a loud alert on a bystander, and a plain sign on the entity that is the cause."""
    rows, truth = [], []
    for number in range(count):
        case, loud = f"list-{number}", f"app-{number % 3}"
        rows += [(case, "metric", f"app-{each}", "10.0.0.4", "latency", "up") for each in range(3)]
        rows += [
            (case, "log", loud, None, f"line-{number}", "seen"),
            (case, "metric", HIDDEN, "10.0.0.4", "backlog", "up"),
        ]
        truth.append({"case_id": case, "root_cause": HIDDEN, "fault_type": f"fault-{number % 4}"})
    table = pd.DataFrame(rows, columns=["case_id", "modality", "entity", "peer", "what", "signal"])
    folder.mkdir()
    table.to_parquet(folder / "alerts.parquet")
    (folder / "truth.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in truth))
    return folder


@pytest.mark.parametrize("apart", ["case", "pair"])
def test_what_other_cases_taught_finds_what_one_case_does_not_show(tmp_path: Path, apart: str) -> None:
    """A cause that stands behind a louder bystander is first with memory and is not without, no case taught itself."""
    cases = a_list(tmp_path / "list", 8)

    before, after = with_and_without([cases], [cases], apart=apart)

    assert sum(score.rank == 1 for score in before.scores) == 0
    assert sum(score.rank == 1 for score in after.scores) >= 6


def test_a_case_is_not_taught_by_itself(tmp_path: Path) -> None:
    """A list of one case teaches nothing about that case: with memory it is what it was without."""
    cases = a_list(tmp_path / "list", 1)

    before, after = with_and_without([cases], [cases])

    assert after.scores[0].outcome.suspects == before.scores[0].outcome.suspects
    assert after.scores[0].outcome.confidence == before.scores[0].outcome.confidence
