"""The engineer's desk: what `case = wb.open("…")` gives, and how an alert becomes a notebook that is already filled.

Lives here: the handle on a case with its verbs and views (`desk`), the words of the notebook's door (`door`), what is
in hand (`hand`), the graph's words (`explore`) and what the magics ask (`asking`), and the notebook for an alert
(`prepare`), which the server and the command line share, and how the workbench itself stands (`status`).

May import: `workbench.assembly` and everything below it. Nothing below may import the desk.

To add a verb: a method on `Desk` that calls `_act`, so that it is journalled and replayed; to add a view: a method that
returns a `View`, named in `prepare.VIEWS` when the notebook should hold it from the start.
"""

from workbench.desk.desk import Desk
from workbench.desk.door import alerts, calibration, close, open, recorded, sparql  # the notebook says wb.open aloud
from workbench.desk.hand import estate
from workbench.desk.prepare import backend

__all__ = ["Desk", "alerts", "backend", "calibration", "close", "estate", "open", "recorded", "sparql"]
