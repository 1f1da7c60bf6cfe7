"""The infrastructure graph: what every source said of the estate, in named graphs, with its provenance.

Lives here: the store (`store`), the diff of a rescan (`revision`, `rescan`), every change ever written (`changelog`)
and what it tells (`history`), how old facts are (`staleness`), what is one thing under two names (`aliases`), copies
for readers (`snapshots`), the one place where nouns and RDF terms meet (`convert`), the named questions (`queries`),
what the engine sees (`view`), parts of the estate as answers (`explore`, `ways`, `answers`, `inventory`, made by
`subgraph`; `naming` and `moments` read what a person means), and free-form SPARQL (`admission` reads it, `ask` bounds
it, `worker` runs it).

Who holds a graph (`holder` says what that means): this process (`store`), its owner in another one (`claim`, `owner`
there, `owned` here, `handed` between them), or an engine elsewhere (`remote`, `signing`); the last two are read by the
SPARQL protocol (`protocol`, `endpoint`). What differs between engines is in `remote.ENGINES`; `closure` hides paths.

May import: ontology, scanners' protocol, ports, nouns; no other module of the project may import pyoxigraph.

To add a question: write its SPARQL next to a function in `queries`, and a test on a small estate.
To add a source whose facts age: its time to live in `staleness.TTL`.

In a notebook the package is also a word: `wb.graph.around("cart")`. Which graph that asks, the one who opens the door
knows, and hands in by `spoken_by`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

WORDS = ("around", "blast_radius", "diff", "path")
_speaker: list[Callable[[], Any]] = []


def spoken_by(speaker: Callable[[], Any]) -> None:
    """Say who knows the notebook's words; it is asked when one is used."""
    _speaker[:] = [speaker]


def __getattr__(name: str) -> Any:
    """Fetch a word of the notebook."""
    if name not in WORDS or not _speaker:
        raise AttributeError(f"module 'workbench.graph' has no attribute {name!r}")
    return getattr(_speaker[0](), name)


def __dir__() -> list[str]:
    """List the words of the notebook."""
    return sorted(WORDS)
