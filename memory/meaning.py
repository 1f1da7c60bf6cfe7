"""The meaning of short texts: a static embedding model that ships in a package and needs no network.

WordLlama 0.4 (MIT licence, 256 dimensions, 16 MB of weights in the wheel). It must be given its own package folder as
cache folder: its default looks in a wrongly named one and would download.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def alike(text: str, others: list[str]) -> list[float]:
    """Return the cosine likeness, -1 to 1, of a text to each of the others.

    >>> near, far = alike("connection pool exhausted", ["database connections used up", "disk full"])
    >>> near > far
    True
    """
    if not others:
        return []
    vectors = _model().embed([text, *others], norm=True)
    return [float(value) for value in vectors[1:] @ vectors[0]]


@lru_cache(maxsize=1)
def _model() -> Any:
    from wordllama import WordLlama  # late: it takes a second to import

    spec = find_spec("wordllama")
    assert spec is not None and spec.origin is not None
    return WordLlama.load(cache_dir=Path(spec.origin).parent, disable_download=True)
