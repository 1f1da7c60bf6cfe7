"""The neighbours that bother a service, against real processes, sockets and files; and what faults do to files."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from workbench.bench.estate.faults.acts import NEIGHBOUR, full

BUSY = "while True: pass"


@contextmanager
def started(*words: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    with subprocess.Popen([sys.executable, *map(str, words)]) as process:
        try:
            yield process
        finally:
            process.terminate()


def until(true: Any, patience: float = 15.0) -> bool:
    """Look until something is true, or patience is at its end."""
    end = time.monotonic() + patience
    while not (found := bool(true())) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_throttled_process_gets_its_share_and_is_left_running() -> None:
    """A process under a quota of a fifth is seen standing still and running, and runs on when the neighbour ends."""
    with started("-c", BUSY) as victim:
        watched = psutil.Process(victim.pid)
        with started(NEIGHBOUR, "throttle", victim.pid, "0.2") as neighbour:
            assert until(lambda: watched.status() == psutil.STATUS_STOPPED)
            assert until(lambda: watched.status() == psutil.STATUS_RUNNING)
            neighbour.terminate()
            neighbour.wait(10)
            assert until(lambda: watched.status() == psutil.STATUS_RUNNING)
            began = watched.cpu_times().user
            assert until(lambda: watched.cpu_times().user > began + 0.1)


def test_crowded_process_shares_one_processor_and_gets_all_back() -> None:
    """The victim is bound to one processor while its neighbours compute, and to none afterwards; no child is left."""
    with started("-c", BUSY) as victim:
        watched = psutil.Process(victim.pid)
        usual = watched.cpu_affinity()
        with started(NEIGHBOUR, "crowd", victim.pid, "2") as neighbour:
            assert until(lambda: len(psutil.Process(neighbour.pid).children()) == 2)
            assert watched.cpu_affinity() == [max(usual)]
            children = psutil.Process(neighbour.pid).children()
            neighbour.terminate()
            neighbour.wait(10)
        assert watched.cpu_affinity() == usual
        assert until(lambda: not any(each.is_running() for each in children))


def test_locked_file_is_locked_in_bursts(tmp_path: Path) -> None:
    """Between bursts the database can be written, during one it cannot."""
    path = tmp_path / "stock.db"
    database = sqlite3.connect(path, timeout=0.0, isolation_level=None)
    database.execute("CREATE TABLE stock (count INTEGER)")

    def written() -> bool:
        try:
            database.execute("INSERT INTO stock VALUES (1)")
        except sqlite3.OperationalError:
            return False
        return True

    with started(NEIGHBOUR, "sqlite", path, "0.3", "0.1"):
        assert until(lambda: not written())
        assert until(written)


def test_sockets_stay_open_and_say_nothing() -> None:
    """As many connections as asked for stand open at a server, silent, until the neighbour ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        port = server.getsockname()[1]
        with started(NEIGHBOUR, "sockets", "127.0.0.1", port, "20") as neighbour:
            taken = [server.accept()[0] for _ in range(20)]
            taken[0].setblocking(False)
            with pytest.raises(BlockingIOError):
                taken[0].recv(1)
            neighbour.terminate()
            neighbour.wait(10)
        taken[1].settimeout(10)
        assert taken[1].recv(1) == b""
        for each in taken:
            each.close()


def test_neighbour_ends_with_whoever_started_it() -> None:
    """Killing the process that started a neighbour leaves no neighbour."""
    words = [str(NEIGHBOUR), "sockets", "127.0.0.1", "9", "1"]
    script = f"import subprocess, sys; subprocess.Popen([sys.executable, *{words}]).wait()"
    with started("-c", script) as parent:
        assert until(lambda: psutil.Process(parent.pid).children())
        child = psutil.Process(parent.pid).children()[0]
        assert until(lambda: len(child.cmdline()) > 1 and child.status() == psutil.STATUS_SLEEPING)
        parent.kill()
        parent.wait(10)
        assert until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


class Placed:
    """An estate of one service whose outbox is a folder."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository

    def declared(self) -> dict[str, dict[str, str]]:
        return {"notifications": {"OUTBOX_DIR": "outbox"}}


def test_full_disk_refuses_writes_and_keeps_what_was_written(tmp_path: Path) -> None:
    """Writing fails with `no space left` while the disk is full; afterwards the old content is there."""
    path = tmp_path / "outbox/messages.jsonl"
    path.parent.mkdir()
    path.write_text("one\n")
    estate: Any = Placed(tmp_path)

    heal = full("notifications", "OUTBOX_DIR")(estate)
    with pytest.raises(OSError, match="No space left"):
        path.write_text("two\n")
    heal()

    assert path.read_text() == "one\n"
    assert [each.name for each in path.parent.iterdir()] == ["messages.jsonl"]
