"""Feature flags in flagd's file format, read anew when the file changes; asked as OpenFeature asks."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=2)
def _flags(path: str, changed: int, size: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text())["flags"]
    return found


def _value(key: str, default: Any) -> Any:
    """Return the default variant of an enabled flag; a flag or a file that is not there leaves the caller's default."""
    path = os.environ.get("FLAGS_FILE", "")
    try:
        known = os.stat(path)  # noqa: PTH116  # at every question
    except FileNotFoundError:
        return default
    flag = _flags(path, known.st_mtime_ns, known.st_size).get(key)
    if flag is None or flag.get("state") != "ENABLED":
        return default
    return flag["variants"][flag["defaultVariant"]]


class Client:
    """What a service asks for flags."""

    def get_boolean_value(self, flag_key: str, default_value: bool) -> bool:
        """Say whether a flag is on."""
        return bool(_value(flag_key, default_value))

    def get_integer_value(self, flag_key: str, default_value: int) -> int:
        """Return a flag's number."""
        return int(_value(flag_key, default_value))

    def get_string_value(self, flag_key: str, default_value: str) -> str:
        """Return a flag's word."""
        return str(_value(flag_key, default_value))


def get_client() -> Client:
    """Return the client, as OpenFeature's `api.get_client()` does."""
    return Client()
