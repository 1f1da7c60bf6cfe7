"""The statistical reasoner: finds the cause without a model.

Reads from the outside in: `reasoner` (think) -> `asking` (what to ask next), `seen` (what all witnesses look at)
and `catalogue` (the witnesses, who each yield `signs` in nats) -> `ranking` (who is suspected) -> `modes` (how it
failed) -> `wording` (in sentences). Witnesses: `added`, `resources`, `tracing`, `said`, `altered`; below them the
readings: `moves` (metrics), `excess` (own share on the call graph), `calls`, `spans`, `templates`, `vocabulary`.
The method and what was measured stand in docs/method.md.

May import: what `workbench.reasoning` may. Nothing here reads the name of a service as anything but a name.

To add a witness: a function from `Seen` to signs in a file of its own, and its line in `catalogue`, which says how.
"""

from workbench.reasoning.statistical.reasoner import StatisticalReasoner

__all__ = ["StatisticalReasoner"]
