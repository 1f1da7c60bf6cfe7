"""Where a name of the compose network is, when there is no compose network: the hosts file of one process."""

from __future__ import annotations

import json
import os
import socket
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=4)
def _table(path: str, changed: int, size: int) -> dict[str, str]:
    """Return what the file says; the file's age and size are part of the key, so that a new file is read anew."""
    table: dict[str, str] = json.loads(Path(path).read_text())
    return table


def address(host: str, port: int) -> tuple[str, int]:
    """Return where to connect to: `SHOP_HOSTS_FILE` maps `name:port` to `address:port`; without it, the name itself.

    Raises:
        socket.gaierror: the file does not know the name, as a resolver would say it.
    """
    path = os.environ.get("SHOP_HOSTS_FILE", "")
    if not path:
        return host, port
    known = os.stat(path)  # noqa: PTH116  # once a connection: no Path is made
    found = _table(path, known.st_mtime_ns, known.st_size).get(f"{host}:{port}")
    if found is None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    ip, _, number = found.rpartition(":")
    return ip, int(number)
