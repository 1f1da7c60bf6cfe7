"""`workbench scan --every`: goes on until it is stopped, and sees what changed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

COMPOSE = "services:\n  checkout: {image: shop/checkout:1}\n"


def test_a_scan_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    """The second look finds what was added after the first, and an interrupt ends it with what was known kept."""
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "compose.yaml").write_text(COMPOSE)
    command = [sys.executable, "-m", "workbench.cli", "scan", "compose", str(shop), "--every", "0.2s"]
    env = {**os.environ, "WORKBENCH_HOME": str(tmp_path / "home"), "PYTHONUNBUFFERED": "1"}
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        signal.signal(signal.SIGINT, heard)
        assert running.stdout is not None
        first = running.stdout.readline()
        (shop / "compose.yaml").write_text(f"{COMPOSE}  payment: {{image: shop/payment:1}}\n")
        later = next(line for line in running.stdout if " 0 facts added" not in line)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)

    assert "facts added" in first
    assert "facts added" in later
    assert running.returncode == 130
