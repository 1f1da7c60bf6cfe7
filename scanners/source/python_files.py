"""Which file of a folder an import means: Python files know each other by their paths. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath


class Files:
    """Python files below one folder, found by what imports call them.

    >>> files = Files(["shop/cart/app.py", "shop/cart/config.py", "shop/pay/config.py", "lib/http/__init__.py"])
    >>> files.module("shop/cart/app.py", 1, "config"), files.module("shop/cart/app.py", 0, "lib.http")
    ('shop/cart/config.py', 'lib/http/__init__.py')
    >>> files.module("shop/cart/app.py", 0, "config"), files.module("shop/cart/app.py", 0, "requests")
    ('shop/cart/config.py', None)
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_name: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        for path in paths:
            parts = PurePosixPath(path).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if parts:
                self._by_name[parts[-1]].append((parts, path))

    def module(self, importer: str, level: int, dotted: str) -> str | None:
        """Return the file of a module as an importer calls it: by dots from its own place, or by the end of its path.

        Of several files whose paths end so the one nearest to the importer is meant; none where two are as near.
        """
        words = tuple(dotted.split(".")) if dotted else ()
        home = PurePosixPath(importer).parent.parts
        if level:
            home = home[: len(home) - (level - 1)] if level > 1 else home
            words = (*home, *words)
        found = self._by_name.get(words[-1], ()) if words else ()
        if level:
            return next((path for parts, path in found if parts == words), None)
        near = [(_shared(parts, home), path) for parts, path in found if parts[-len(words) :] == words]
        best = max((depth for depth, _ in near), default=0)
        nearest = [path for depth, path in near if depth == best]
        return nearest[0] if len(nearest) == 1 else None


def _shared(parts: tuple[str, ...], home: tuple[str, ...]) -> int:
    """Return how many folders two places have in common."""
    count = 0
    for one, other in zip(parts, home, strict=False):
        if one != other:
            break
        count += 1
    return count
