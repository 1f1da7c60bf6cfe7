"""The bench: how often the workbench names the right cause, on recorded incidents whose cause is known.

Lives here: running cases through the very loop that the notebook uses (`run`), scoring them against the answers,
which are opened only after the run (`score`), and saying it as a table or JSON (`report`); the shipped recordings,
their answers and the estate that made them.

May import: everything of the workbench below the command line. Nothing outside the bench may read an answer.

Nothing is imported here: who only runs the estate need not wait for what scores a case (networkx, scipy).

To add a dataset: put cases in folders of the documented layout (docs/cases.md); a layout of its own needs a
function in `workbench/telemetry/layouts.py`, never a branch in a reasoner.
"""
