"""Alert and graph -> the entities worth looking at."""

from __future__ import annotations

from dataclasses import replace

from workbench.nouns import Case
from workbench.ports import GraphView

HOPS = 4
"""How far from the alert we look: symptoms travel along calls, and call chains are rarely longer."""


def scoped(case: Case, graph: GraphView, hops: int = HOPS) -> Case:
    """Return the case with the entities around its alert, and the facts that join them."""
    entities = tuple(graph.around(case.alert, hops))
    return replace(case, scope=entities, topology=tuple(graph.between(entities)))
