"""What the notebook's magics ask of the graph in hand: SPARQL, drawings of its answers, lists of things, names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.desk import hand
from workbench.desk.answer import answer
from workbench.desk.explore import Part, meant
from workbench.graph import answers, inventory
from workbench.graph.ask import MAX_ROWS, TIMEOUT, ask

if TYPE_CHECKING:
    import pandas as pd

    from workbench.graph.holder import Holder


class GraphInHand:
    """The graph of the case that was opened last, or the estate's own, as `%sparql` and `%entities` see it."""

    def ask(self, text: str, *, as_of: str = "", limit: int = 0, timeout: float = 0.0) -> pd.DataFrame:
        """Return the answer as a table.

        Args:
            text: one SPARQL query.
            as_of: ask of the graph as it was at that time; empty for now.
            limit: at most so many rows; 0 for the most that are ever given.
            timeout: seconds; 0 for the usual.

        Raises:
            BadInput: a syntax error, with its position; a time before the history begins.
            NotAllowed: a form that is not allowed.
        """
        return answer(ask(_graph(as_of), text, timeout=timeout or TIMEOUT, max_rows=limit or MAX_ROWS))

    def drawn(self, table: pd.DataFrame, *, as_of: str = "") -> Part:
        """Return the things of an answer, and the facts that join them."""
        now = meant(as_of) if as_of else hand.now()
        return Part(answers.of_table(_graph(as_of), table, now=now), now)

    def entities(self, kind: str = "", name: str = "") -> pd.DataFrame:
        """Return what there is, one row a thing: kind, name, sources, age (timedelta), confidence, iri (an `Iri`).

        Raises:
            BadInput: there is no such kind.
        """
        import pandas as pd

        known = inventory.inventory(hand.estate(), kind, name, now=hand.now())
        rows = [
            (each.entity.kind, each.entity.name, ", ".join(each.sources), each.age, each.confidence) for each in known
        ]
        table = pd.DataFrame(rows, columns=["kind", "name", "sources", "age", "confidence"])
        return answer(table.assign(iri=pd.Series([each.entity.iri for each in known], dtype=object)))

    def names(self, start: str) -> Sequence[str]:
        """Return names of things that begin so."""
        return inventory.names(hand.estate(), start)


def _graph(as_of: str) -> Holder:
    return hand.estate().as_of(meant(as_of)) if as_of else hand.estate()
