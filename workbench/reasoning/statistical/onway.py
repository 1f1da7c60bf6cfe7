"""Witness: between whom the way became slow (`gaps`), and which end of it is to blame.

A slow way is the callee's, unless the caller's ways to nearly everybody became slow: then it is the caller that is
late, short of CPU or behind a slow network itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from workbench.reasoning.statistical.gaps import Gap, gaps
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Family, Sign, surprise
from workbench.reasoning.statistical.vocabulary import Signal
from workbench.reasoning.statistical.wording import number

GROWN = 3.0
"""z from which a way counts as slower."""
EVERYBODY = 0.7
"""Share of a caller's ways, of three or more, that have to be slower for it to be the caller's own doing."""
ECHO = 0.3
"""What a way counts that the other end explains."""


def on_the_way(seen: Seen) -> Iterator[Sign]:
    """Yield who is to blame for calls that became slow on the way."""
    found = gaps(seen.moves, seen.traced)
    late = late_callers(found)
    best: dict[str, tuple[float, Gap]] = {}
    for gap in found:
        nats = surprise(gap.z) if gap.z > GROWN else 0.0
        for end, share in ((gap.callee, ECHO if gap.caller in late else 1.0), (gap.caller, late.get(gap.caller, 0.0))):
            if nats * share > best.get(end, (0.0, gap))[0]:
                best[end] = nats * share, gap
    for end, (nats, gap) in best.items():
        levels = f"{number(gap.before_ms, 'ms')} → {number(gap.after_ms, 'ms')}"
        note = f"calls from {gap.caller} to {gap.callee} spend {levels} on the way"
        yield Sign(
            end,
            Family.SLOWNESS,
            nats,
            note,
            gap.observation,
            gap.channel,
            signal=Signal.LATENCY,
            hint="network",
            at=gap.at,
        )


def slow_ways(seen: Seen) -> frozenset[str]:
    """Return the callers that have a way which became slow through no doing of their own."""
    found = gaps(seen.moves, seen.traced)
    late = late_callers(found)
    return frozenset(gap.caller for gap in found if gap.z > GROWN and gap.caller not in late)


def late_callers(found: Sequence[Gap]) -> dict[str, float]:
    """Return the callers whose ways to nearly everybody became slower, and to what share of them."""
    ways: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    for gap in found:
        ways[gap.caller][gap.callee] = ways[gap.caller].get(gap.callee, False) or gap.z > GROWN
    shares = {caller: sum(grown.values()) / len(grown) for caller, grown in ways.items() if len(grown) >= 3}
    return {caller: share for caller, share in shares.items() if share >= EVERYBODY}
