"""The statistical reasoner: finds the cause without a model.

Reads from the outside in: `reasoner` (think) -> `asking` (what to ask next) and `witnesses` (what each kind of
telemetry says) -> `ranking` (who is suspected) -> `modes` (how it failed) -> `wording` (in sentences). Below
them `moves` (metrics), `excess` (own share on the call graph), `calls`, `spans`, `templates`, `vocabulary`,
`signs`. The method and what was measured stand in docs/method.md.

May import: what `workbench.reasoning` may. Nothing here reads the name of a service as anything but a name.

To add a witness: a function in `witnesses.py` that yields `Sign`s in nats, called from `reasoner._suspects`;
say in docs/method.md what it was measured on.
"""

from workbench.reasoning.statistical.reasoner import StatisticalReasoner

__all__ = ["StatisticalReasoner"]
