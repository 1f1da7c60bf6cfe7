"""The processes of an estate: each is ours by its pid, and ends with us, however we end.

processes = Processes()
port = reserve()                                   # a port that nobody else is given
web = processes.start("web", ["node", "web.js"], log=folder / "web.log", env={"PORT": str(number(port))})
processes.end(web)
processes.close()                                  # ends all that are left
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ontology.errors import Unavailable

HOST = "127.0.0.1"
PATIENCE = 5.0
"""Seconds that a process may take to end when it is asked to."""
Process = subprocess.Popen[bytes]


def reserve() -> socket.socket:
    """Return a socket that keeps a free port ours: bound and never listening.

    Linux gives a port that is bound to nobody else, yet lets a server that sets SO_REUSEADDR listen on it, as long as
    nobody listens there: PostgreSQL, redis, Go's, Java's, Node's and Python's servers all set it.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind((HOST, 0))
    return keeper


def number(keeper: socket.socket) -> int:
    """Return the port that a socket keeps."""
    return int(keeper.getsockname()[1])


class Processes:
    """Starts programs and ends them; every one of them dies with this process."""

    def __init__(self) -> None:
        # The kernel takes the thread that starts a program for its parent, so one thread starts all and lives on.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="estate-start")
        self._running: list[Process] = []
        self._lock = threading.Lock()
        self._guardian = self._guard()

    def _guard(self) -> Process:
        words = [sys.executable, "-I", "-S", str(Path(__file__).with_name("guardian.py"))]
        return subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603  # our own script

    def removes(self, folder: Path) -> None:
        """Have a folder removed should this process be killed."""
        self._tell(f"folder {folder}")

    def start(
        self,
        name: str,
        program: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        fds: int = 0,
        dies_by: int = signal.SIGKILL,
        piped: bool = False,
    ) -> Process:
        """Start a program in a process group of its own, so that Ctrl-C reaches us alone.

        Args:
            name: what to call it in an error.
            program: words, no shell.
            log: its output is added to this file.
            env: its whole environment; None for ours.
            folder: where it starts.
            fds: most open file descriptors; 0 for ours.
            dies_by: the signal that it gets when we are gone.
            piped: whether its input and output are ours to use (then its errors alone go to the log).

        Raises:
            Unavailable: it cannot be started.
        """
        launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]
        words = [*launcher, str(os.getpid()), str(fds), str(int(dies_by)), *program]
        with log.open("ab") as out:
            pipe, errors = (subprocess.PIPE, out) if piped else (subprocess.DEVNULL, out)

            def spawn() -> Process:
                return subprocess.Popen(  # noqa: S603  # the programs that the compose file and our own code name
                    words, cwd=folder, env=env, stdin=pipe, stdout=pipe if piped else out, stderr=errors,
                    process_group=0,
                )  # fmt: skip

            try:
                process = self._starter.submit(spawn).result()
            except OSError as error:
                raise Unavailable(f"{name} cannot be started: {error}.", next_step=f"Look into {log}.") from error
        with self._lock:
            self._running = [each for each in self._running if each.poll() is None] + [process]
        self._tell(f"pid {process.pid}")
        return process

    def run(self, name: str, program: Sequence[str], *, log: Path, **more: object) -> None:
        """Start a program and wait until it has done its work.

        Raises:
            Unavailable: it failed; the end of its output is told.
        """
        process = self.start(name, program, log=log, **more)  # type: ignore[arg-type]  # passed on as they are
        if process.wait() != 0:
            raise failed(name, log)

    def end(self, *processes: Process, by: int = signal.SIGTERM, patience: float = PATIENCE) -> None:
        """End processes: ask all, wait for all, then insist."""
        for each in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGCONT)  # one that is stopped hears nothing
                each.send_signal(by)
        until = time.monotonic() + patience
        for each in processes:
            try:
                each.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()
        for each in processes:
            for pipe in (each.stdin, each.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def close(self) -> None:
        """End all that still run; then nothing of ours is left but what was written."""
        self.end(*(each for each in self._running if each.poll() is None))
        self._starter.shutdown()

    def dismiss(self) -> None:
        """Let the guardian go: the folders are removed already."""
        self._tell("done")
        self.end(self._guardian)

    def _tell(self, line: str) -> None:
        assert self._guardian.stdin is not None
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._guardian.stdin.write(f"{line}\n".encode())
            self._guardian.stdin.flush()


def failed(name: str, log: Path) -> Unavailable:
    """Return the error of a program that ended, or never answered, with the end of what it said."""
    said = log.read_text(errors="replace").strip()[-600:] if log.exists() else ""
    return Unavailable(f"{name} did not start: {said or 'it said nothing'}", next_step=f"Read {log}.")


def answers(url: str, process: Process, *, name: str, log: Path, patience: float = 120.0) -> None:
    """Wait until a server answers; one that ends is not waited for.

    Raises:
        Unavailable: it ended, or did not answer in time.
    """
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310  # loopback
            return
        with contextlib.suppress(subprocess.TimeoutExpired):  # its end is an event; that it listens now is none
            process.wait(0.05)
            break
    raise failed(name, log)
