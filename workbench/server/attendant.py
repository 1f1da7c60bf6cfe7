"""The worker beside the server: `workbench watch` in a process of its own, for as long as the server lives.

A process of its own, since an investigation computes for seconds and the lab must answer meanwhile. It hears of the
server's end, a kill too, by the end of its standard input, finishes its step and goes.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence

PAUSE = 5.0
"""Seconds before a worker that ended is started again; twice as many after each further end."""
LONGEST_PAUSE = 300.0
LOOK = 0.5
"""Seconds between looks whether it lives."""
GRACE = 10.0
"""Seconds that a worker has for its step when the server ends."""
COMMAND = (sys.executable, "-m", "workbench.cli", "watch", "--beside")
_log = logging.getLogger(__name__)


class Attendant:
    """Keeps one worker running beside this process.

    Args:
        command: what is run; it must end when its standard input does.
        pause: seconds before the first restart.
    """

    def __init__(self, command: Sequence[str] = COMMAND, pause: float = PAUSE) -> None:
        self._command = tuple(command)
        self._pause = pause
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="workbench-attendant", daemon=True)

    def start(self) -> None:
        """Start the worker; it is started again whenever it ends by itself."""
        self._thread.start()

    def stop(self) -> None:
        """End the worker: its case goes back into the queue after the step under way."""
        self._done.set()
        self._thread.join(GRACE + 5)

    def _keep(self) -> None:
        pause = self._pause
        while not self._done.is_set():
            with subprocess.Popen(  # noqa: S603  # this very interpreter, with words of ours
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
            ) as process:
                code = self._until_it_ends(process)
            if code is not None:
                _log.warning("The worker beside the server ended (%d); started again in %.0f s.", code, pause)
                self._done.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _until_it_ends(self, process: subprocess.Popen[bytes]) -> int | None:
        """Return the worker's exit code; None where it was told to end."""
        while not self._done.wait(LOOK):
            if process.poll() is not None:
                return process.returncode
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()  # its lease lapses, and nothing is lost
        return None
