"""A real PostgreSQL, for a journal that hosts share."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from workbench.bench.estate.processes import Processes
from workbench.bench.estate.servers import Account, Postgres, missing


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Debian's PostgreSQL on a port of its own."""
    if missing(["postgres"]):
        pytest.skip("PostgreSQL is not installed")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    log: Path = tmp_path_factory.mktemp("postgres") / "log"
    server = Postgres(Processes(), port, log)
    server.start()
    yield server
    server.end()


@pytest.fixture(scope="session")
def address(postgres: Postgres) -> Callable[[], str]:
    """Give the address of a new, empty database at each call."""
    numbers = count()

    def made() -> str:
        name = f"journal{next(numbers)}"
        postgres.create([*postgres.held, Account(name, "of-this-test-only", name)])
        return postgres.address(name)

    return made
