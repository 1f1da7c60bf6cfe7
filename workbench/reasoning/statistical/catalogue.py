"""The witnesses, in one list: each is a function of what it sees that yields signs in nats.

To add one: write `def name(seen: Seen) -> Iterator[Sign]` in a file of its own that says where the method comes from;
turn what it measured into nats with `signs.surprise`, `signs.counted` or a log-likelihood ratio, capped at CHANNEL_CAP;
name it in WITNESSES below. Give a sign the `mode` of docs/taxonomy where it knows the failure mode by itself. A witness
looks at names only to tell entities apart, says nothing where it has nothing to look at, and invents no zero.
Then measure: `python benchmarks/robustness.py --ablation` has a row for every witness, and docs/method.md keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from workbench.reasoning.statistical import (
    added,
    alarms,
    altered,
    balance,
    divergence,
    experience,
    kubernetes,
    named,
    onway,
    resources,
    said,
    tracing,
)
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Sign


@dataclass(frozen=True, slots=True)
class Witness:
    """A named function from what is seen to signs."""

    name: str
    """As ablations and weights call it."""
    signs: Callable[[Seen], Iterable[Sign]]
    late: bool = False
    """Heard last, when the onset of the leading suspect is known."""


WITNESSES = (
    Witness("own share of the excess", added.slowness_and_errors),
    Witness("resources", resources.resources),
    Witness("load", resources.load),
    Witness("load beside others", balance.load_beside_others),
    Witness("time in traces", tracing.time_spent),
    Witness("time on the way", onway.on_the_way),
    Witness("failures in traces", tracing.failures),
    Witness("divergence of requests", divergence.divergence),
    Witness("log lines", said.lines),
    Witness("what the alert states", named.stated),
    Witness("no answer in log lines", named.unreached),
    Witness("state", altered.states),
    Witness("alerts", alarms.alarms),
    Witness("cluster objects", kubernetes.states_of_objects),
    Witness("closed incidents", experience.experience),
    Witness("changes", altered.changes, late=True),
)

EQUAL: Mapping[str, float] = MappingProxyType({})
"""Every witness counts as it says."""


def testimony(seen: Seen, weights: Mapping[str, float]) -> Iterator[Sign]:
    """Yield the signs of all witnesses that are due: the late ones once the onset is known, the others before.

    Args:
        seen: what they look at.
        weights: factor on a witness's nats, by its name; one that is not named counts 1, one at 0 is not heard.
    """
    for witness in WITNESSES:
        weight = weights.get(witness.name, 1.0)
        if weight > 0 and witness.late == (seen.onset is not None):
            for sign in witness.signs(seen):
                yield replace(sign, nats=sign.nats * weight, by=witness.name)
