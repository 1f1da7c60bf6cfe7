"""A typed symptom: an object of the cluster, the cause that it shows, what that rests on, and how telling it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ontology.terms import CAUSES
from workbench.reasoning.statistical.kubernetes.estate import Cluster

STATED = 5.0
"""Nats where the cluster itself states the cause, of an object that is short of it now."""
COMPARED = 4.5
"""Nats where two declarations contradict each other."""
LIKELY = 4.0
"""Nats where the cause follows from several statements, none of which names it."""
POSSIBLE = 2.0
"""Nats of a state that is wrong and does not say why."""
ODD = 1.0
"""Nats of what is odd and is often so in good health."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing wrong with one object."""

    entity: str
    cause: str
    """A finer cause of the taxonomy in `ontology/incident.ttl`."""
    nats: float
    note: str
    """What it rests on, in a sentence."""
    at: datetime | None = None
    node: str = ""
    """The node whose failure would explain it."""

    @property
    def mode(self) -> str:
        """The failure mode that the cause is of."""
        return CAUSES[self.cause]


Rule = Callable[[Cluster], Iterable[Symptom]]
