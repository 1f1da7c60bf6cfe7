"""Who owns the store: the process that may open it for writing, and how the others on this machine reach it.

A Jupyter server that starts writes the claim beside the store, readable by its user alone. It holds a token of its own:
whoever has it may read and write the graph and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "graph.owner.json"
"""Beside the store's folder, so that a folder means that there is a store."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The owner of a data folder's graph."""

    url: str
    """Address below which it answers, such as `http://127.0.0.1:8888/workbench`."""
    pid: int
    token: str

    def __repr__(self) -> str:
        """Show all but the token."""
        return f"Claim(url={self.url!r}, pid={self.pid})"


def claim(home: Path, url: str) -> Claim | None:
    """Claim the graph of that data folder for this process; None where another one that lives holds it."""
    held = claimed(home)
    if held is not None and held.pid != os.getpid():
        return None
    home.mkdir(parents=True, exist_ok=True)
    made = Claim(url, os.getpid(), secrets.token_urlsafe(32))
    new = home / f".{FILE}.{made.pid}"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(made), file)
    new.replace(home / FILE)
    return made


def claimed(home: Path) -> Claim | None:
    """Return the claim on that data folder's graph; None where there is none, or its process has gone."""
    try:
        held = Claim(**json.loads((home / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # nobody owns it, or what is there was not written by us
        return None
    return held if _lives(held.pid) else None


def release(home: Path, held: Claim) -> None:
    """Give the claim back; somebody else's stays."""
    if claimed(home) == held:
        with contextlib.suppress(FileNotFoundError):
            (home / FILE).unlink()


def _lives(pid: int) -> bool:
    import psutil  # late: only where there is a claim

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
