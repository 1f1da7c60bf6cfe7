"""Start a service of the shop as a process that can be broken: `python launcher.py shop.payment.app`.

Stands apart from the shop, so that its code holds no fault. On SIGUSR1 it reads `fault-<pid>.json`
(`{"kind": ..., "size": ...}`) from the working folder and makes that fault real in this process.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

FDS = 512
"""Limit of open file descriptors, as a container would have one."""


def leak_memory(size: int) -> Callable[[], None]:
    """Return middleware that keeps `size` objects of every request for ever, and looks through all of them."""
    kept: list[dict[str, object]] = []

    def step() -> None:
        first = len(kept)
        kept.extend({"session": f"s-{number}", "seen": number} for number in range(first, first + size))
        wanted = f"s-{first}"
        for each in kept:
            if each["session"] == wanted:
                break

    return step


def leak_fds(size: int) -> Callable[[], None]:
    """Return middleware that opens a file descriptor a request and never closes it; `size` are left over."""

    def step() -> None:
        handle = os.open("data/sessions.log", os.O_RDONLY | os.O_CREAT, 0o600)
        if handle >= FDS - size:  # the lowest free number: the table is full but for `size`
            os.close(handle)

    return step


def burn(size: int) -> Callable[[], None]:
    """Start `size` threads that compute without end; the middleware itself does nothing."""

    def spin() -> None:
        number = 1
        while True:
            number = number * 48271 % 2147483647

    for _ in range(size):
        threading.Thread(target=spin, daemon=True).start()
    return lambda: None


FAULTS = {"leak-memory": leak_memory, "leak-fds": leak_fds, "burn": burn}


def arm() -> None:
    """Wait for SIGUSR1, then break this process as the file says."""

    def act(*_: object) -> None:
        wanted = json.loads(Path(f"fault-{os.getpid()}.json").read_text())
        serving = importlib.import_module("shop.runtime.serving")
        serving.MIDDLEWARE.append(FAULTS[wanted["kind"]](wanted["size"]))

    signal.signal(signal.SIGUSR1, act)


def main() -> None:
    """Arm, limit, and become the service."""
    sys.path[0] = str(Path.cwd())  # the shop of the working folder, not the one beside this file
    with contextlib.suppress(OSError, AttributeError):  # Linux only: end when whoever started us is gone
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FDS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    arm()
    runpy.run_module(sys.argv[1], run_name="__main__")


if __name__ == "__main__":
    main()
