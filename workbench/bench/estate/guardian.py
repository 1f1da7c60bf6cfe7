"""Clean up after an estate whose process was killed: `python -I -S guardian.py FOLDER...`, its input the estate's pipe.

The kernel ends the processes of an estate that is gone (`launch.py`); folders it does not remove. So this waits until
its input ends. The estate itself says `done` first when it went down in good order, and then nothing is left to do.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

PATIENCE = 10.0
"""Seconds that the processes may take to be gone, before the folders go from under them."""


def lives(pid: int) -> bool:
    """Say whether a process still runs; one that only waits for its parent's notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def main() -> None:
    """Wait for the end of the input, then remove what is left."""
    folders, pids = [*sys.argv[1:]], list[int]()
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "done":
            return
        if word == "folder":
            folders.append(rest)
        else:
            pids.append(int(rest))
    until = time.monotonic() + PATIENCE
    while any(map(lives, pids)) and time.monotonic() < until:
        time.sleep(0.05)  # they are no children of ours: there is no event
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
