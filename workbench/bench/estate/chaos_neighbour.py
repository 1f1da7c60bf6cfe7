"""A neighbour that bothers a service from outside: `python chaos_neighbour.py KIND ...`, until it is told to end.

    throttle PID SHARE            the process may run this share of the time, as under a CPU quota (as cpulimit does it)
    crowd PID COUNT               it shares one processor with so many others that compute
    lock DSN TABLE HELD FREE      a table of PostgreSQL is locked in bursts, seconds held and free
    sqlite FILE HELD FREE         the write lock of a SQLite file is held in bursts
    connections DSN COUNT         so many connections of a database are taken and kept
    sockets HOST PORT COUNT       so many connections are opened to a service, and never used
    forget HOST PORT PATTERN EVERY      the keys of a Redis that are called so are deleted, again and again
    flood HOST PORT STREAM COUNT FIELD=VALUE   a stream gets so many messages a second; without a value: the last one's

Stands apart from the workbench: it starts in a blink. Ends with whoever started it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PERIOD = 0.1
"""Seconds of a period of a CPU quota, as the kernel has it."""
DEATH = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def throttle(pid: str, share: str) -> None:
    """Stop and continue a process, so that it runs a share of each period; it is left running at the end."""
    runs = PERIOD * float(share)
    try:
        while True:
            os.kill(int(pid), signal.SIGCONT)
            time.sleep(runs)
            os.kill(int(pid), signal.SIGSTOP)
            time.sleep(PERIOD - runs)
    except ProcessLookupError:
        return
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGCONT)


def crowd(pid: str, count: str) -> None:
    """Keep a process to one processor, and compute there with so many processes; it gets all of them back."""
    every = os.sched_getaffinity(0)
    last = {max(every)}
    try:
        _bound(int(pid), last)
        for _ in range(int(count)):
            if os.fork() == 0:
                _with_parent()
                os.sched_setaffinity(0, last)
                _spin()
        signal.pause()
    finally:
        with contextlib.suppress(ProcessLookupError):
            _bound(int(pid), every)


def _bound(pid: int, processors: set[int]) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), processors)


def _spin() -> None:
    number = 1
    while True:
        number = number * 48271 % 2147483647


def lock(dsn: str, table: str, held: str, free: str) -> None:
    """Lock a table of PostgreSQL in bursts."""
    import psycopg

    with psycopg.connect(dsn) as database:
        while True:
            database.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            time.sleep(float(held))
            database.commit()
            time.sleep(float(free))


def sqlite(path: str, held: str, free: str) -> None:
    """Hold the write lock of a SQLite file in bursts."""
    database = sqlite3.connect(path, timeout=10, isolation_level=None)
    while True:
        database.execute("BEGIN EXCLUSIVE")
        time.sleep(float(held))
        database.execute("COMMIT")
        time.sleep(float(free))


def connections(dsn: str, count: str) -> None:
    """Take connections of a database as they become free, up to a count, and keep them."""
    import psycopg

    kept: list[psycopg.Connection[Any]] = []
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            while len(kept) < int(count):
                kept.append(psycopg.connect(dsn, application_name="report", connect_timeout=2))
        time.sleep(0.2)


def sockets(host: str, port: str, count: str) -> None:
    """Open connections to a service, say nothing, and keep them; one that it closes is opened again."""
    kept: list[socket.socket] = []
    while True:
        kept = [each for each in kept if _open(each)]
        with contextlib.suppress(OSError):
            while len(kept) < int(count):
                kept.append(socket.create_connection((host, int(port)), timeout=1))
        time.sleep(0.2)


def _open(each: socket.socket) -> bool:
    each.setblocking(False)
    try:
        return each.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def forget(host: str, port: str, pattern: str, every: str) -> None:
    """Delete the keys of a Redis that are called like the pattern, again and again."""
    import redis

    server = redis.Redis(host, int(port))
    while True:
        names = list(server.scan_iter(pattern, 500))
        if names:
            server.delete(*names)
        time.sleep(float(every))


def flood(host: str, port: str, stream: str, count: str, field: str) -> None:
    """Put so many messages a second on a stream: a given one, or what came last, again and again."""
    import redis

    server: Any = redis.Redis(host, int(port), decode_responses=True)
    name, _, value = field.partition("=")
    value = value or server.xrevrange(stream, count=1)[0][1][name]
    while True:
        for _ in range(max(1, int(count) // 10)):
            server.xadd(stream, {name: value})
        time.sleep(max(0.1, 1 / int(count)))


KINDS: dict[str, Callable[..., None]] = {
    each.__name__: each for each in (throttle, crowd, lock, sqlite, connections, sockets, forget, flood)
}


def _with_parent() -> None:
    """End when the process that started this one ends, however it does."""
    ctypes.CDLL(None).prctl(DEATH, signal.SIGTERM)


def main() -> None:
    """Bother, until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _with_parent()
    KINDS[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
