"""The meaning of short texts: a static embedding model that ships in a package and needs no network.

WordLlama 0.4 (MIT licence, 256 dimensions, 16 MB of weights in the wheel). It must be given its own package folder as
cache folder: its default looks in a wrongly named one and would download.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def alike(text: str, others: list[str]) -> list[float]:
    """Return the cosine likeness, -1 to 1, of a text to each of the others.

    >>> near, far = alike("connection pool exhausted", ["database connections used up", "disk full"])
    >>> near > far
    True
    """
    if not others:
        return []
    return cosines(text, embedded(others))


def embedded(texts: list[str]) -> NDArray[np.float32]:
    """Return a row of length one a text; equal texts are looked at once, as the same alert fires again and again."""
    import numpy as np

    unique = list(dict.fromkeys(texts))
    vectors = _model().embed(unique, norm=True) if unique else np.zeros((0, 256), dtype=np.float32)
    place = {text: row for row, text in enumerate(unique)}
    return np.asarray(vectors, dtype=np.float32)[[place[text] for text in texts]]


def cosines(text: str, vectors: NDArray[np.float32]) -> list[float]:
    """Return the cosine likeness, -1 to 1, of a text to each row of `embedded`."""
    return [float(value) for value in vectors @ embedded([text])[0]]


@lru_cache(maxsize=1)
def _model() -> Any:
    from wordllama import WordLlama  # late: it takes a second to import

    spec = find_spec("wordllama")
    assert spec is not None and spec.origin is not None
    return WordLlama.load(cache_dir=Path(spec.origin).parent, disable_download=True)
