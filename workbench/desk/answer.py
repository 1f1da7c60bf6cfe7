"""An answer of the graph as a DataFrame that a person can read."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from workbench.graph.ask import shortened

_BEGINS = ("http://", "https://")


class Answer(pd.DataFrame):
    """A DataFrame whose cells hold whole IRIs and show short ones: `service/default:cart`, `wb:calls`.

    So does what is made of it: rows that are chosen, a join.

    >>> Answer({"it": ["https://w3id.org/incident-workbench/id/service/default:cart"]})
                         it
    0  service/default:cart
    """

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return Answer

    def _readable(self) -> pd.DataFrame:
        return pd.DataFrame(self).map(_short)

    def _repr_html_(self) -> str | None:
        html: str | None = self._readable()._repr_html_()  # type: ignore[operator]  # the stubs leave it out
        return html

    def __repr__(self) -> str:
        return repr(self._readable())


def _short(cell: object) -> object:
    if isinstance(cell, timedelta):
        return timedelta(seconds=round(cell.total_seconds()))
    return shortened(cell) if isinstance(cell, str) and cell.startswith(_BEGINS) else cell


def answer(table: pd.DataFrame) -> Answer:
    """Return the table, to be shown readably."""
    made = Answer(table)
    made.attrs = table.attrs
    return made
