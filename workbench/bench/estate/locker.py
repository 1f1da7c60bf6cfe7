"""Be the neighbour that holds a database's write lock in bursts: `python locker.py PATH HOLD_S FREE_S`."""

from __future__ import annotations

import ctypes
import random
import signal
import sqlite3
import sys
import time


def hold(path: str, held: float, free: float) -> None:
    """Take the write lock, keep it about `held` seconds, leave it about `free` seconds; until killed."""
    link = sqlite3.connect(path, timeout=30.0, isolation_level=None)
    while True:
        link.execute("BEGIN IMMEDIATE")
        time.sleep(held * random.uniform(0.6, 1.4))  # noqa: S311  # noise
        link.execute("ROLLBACK")
        time.sleep(free * random.uniform(0.6, 1.4))  # noqa: S311


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    hold(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
