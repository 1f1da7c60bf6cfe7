"""Witness: what closed incidents taught, as memory tells it: it raises a suspect, bounded, and lowers nobody.

The numbers and their method are memory's (`memory.hindsight`); here they only take their place among the signs.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.nouns import Modality
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import CHANNEL_CAP, Family, Sign


def experience(seen: Seen) -> Iterator[Sign]:
    """Yield a sign for each entity that memory raises, on the answer in which the shape of the incident was seen."""
    answers = [each for each in seen.case.observations if each.table is not None]
    shape = next((each for each in answers if each.question.modality in (Modality.METRICS, Modality.STATE)), None)
    if shape is None:
        return
    for each in seen.case.raised:
        nats = min(CHANNEL_CAP, each.nats)
        yield Sign(each.entity, Family.EXPERIENCE, nats, each.because, shape.id, shape.question.modality)
