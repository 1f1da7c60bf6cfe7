"""The benchmark of the graph runs, and prints every row that the issue asks for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = (
    "load / bare bulk_load",
    "describe",
    "ancestors",
    "blast radius of a service",
    "two hops",
    "callers of a hub",
    "rescan, nothing changed / first load",
    "rescan, 1 % changed / first load",
    "as_of before",
    "as_of in the middle of",
    "diff over",
    "%%sparql of a reading process",
    "memory of the writer",
)


def test_every_row_is_printed() -> None:
    """A tiny run says of every figure its value, its bar, and whether it is met."""
    done = subprocess.run(
        [sys.executable, "benchmarks/graph.py", "--facts", "1k"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[0].startswith("1,000 facts; load average")
    table = told[1:-1]
    assert [name for name in ROWS if not any(name in line for line in table)] == []
    assert all(re.search(r"[0-9.]+ +(s|ms|x|MB) .*(no bar|met)$", line) for line in table)
    assert sum("the same text raw" in line for line in table) == 7
