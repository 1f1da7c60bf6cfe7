"""The desk: an engineer on call and an agent investigate an incident together.

    import workbench as wb
    case = wb.open("checkoutlatencyhigh-3f2a-20260101t030000z")
    case.step()
    wb.graph.around("cart")

Lives here: the nouns of an investigation, the seams, and a room for each part; see docs/architecture.md for who may
import whom. This door opens late, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench import graph  # the package itself imports nothing

if TYPE_CHECKING:
    from workbench.desk import alerts, calibration, close, estate, open, recorded, sparql  # the door's own words

__all__ = ["alerts", "calibration", "close", "estate", "graph", "open", "recorded", "sparql"]


def __getattr__(name: str) -> Any:
    """Fetch a word of the door from the desk the first time it is used."""
    if name not in __all__:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    from workbench import desk

    return getattr(desk, name)


def _words_of_the_graph() -> Any:
    """Fetch what says `wb.graph.around` and the like, which knows the case in hand."""
    from workbench.desk import explore

    return explore


graph.spoken_by(_words_of_the_graph)


def load_ipython_extension(shell: Any) -> None:
    """Make `%sparql` and `%entities` known where no case is opened: `%load_ext workbench`."""
    from workbench.desk.asking import GraphInHand
    from workbench.notebook import magics

    magics.register(shell, GraphInHand())


def __dir__() -> list[str]:
    """List the words of the door."""
    return sorted(__all__)
