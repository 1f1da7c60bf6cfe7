"""Witness: whose part of a request no longer goes as it always went (`patterns`).

What was nearly always there and is missing, or was never there and appears, tells of a defect; what comes and goes
with the mix of requests does not. A caller whose visits now end with one call is explained by whom it called, unless
that one's own lines are as ever.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from workbench.nouns import Modality
from workbench.reasoning.statistical.patterns import Pattern, patterns
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import CHANNEL_CAP, Family, Sign
from workbench.reasoning.statistical.vocabulary import Signal
from workbench.reasoning.statistical.wording import percent

NEWLY = 0.4
"""Weight of what newly appears and is no error: a new flow looks like that too."""
CUT = 0.15
"""Added share of visits that end with one call, from which they count as cut short there."""
EXPLAINED = 0.2
"""What is left of a visit's missing parts where it was cut short by somebody else."""
LEAST = 0.1
"""Nats below which a pattern is not worth a sign."""


def divergence(seen: Seen) -> Iterator[Sign]:
    """Yield the most telling pattern of each service, and whom visits are cut short at."""
    if seen.traced is None:
        return
    found = patterns(seen.traced.table, seen.rows(Modality.LOGS))
    cuts = {(each.service, each.operation): each for each in reversed(found) if _cut(each)}
    own = _strongest(each for each in found if each.kind != "last" or each.mark == "nothing")
    for pattern in own.values():
        cut = cuts.get((pattern.service, pattern.operation))
        explained = cut is not None and _credited(cut, own, seen)
        nats = telling(pattern) * (EXPLAINED if explained and pattern.kind != "error" else 1.0)
        if nats >= LEAST:
            yield _sign(seen, pattern.service, nats, _note(pattern))
    for cut in cuts.values():
        if _credited(cut, own, seen):
            called = cut.mark.partition(" ")[2]
            ends = f"{percent(cut.after)} of {cut.operation} in {cut.service} end with its call to {called}"
            note = f"{ends}, {percent(cut.before)} before ({cut.visits} traces)"
            yield _sign(seen, cut.callee, telling(cut), note)


def _cut(pattern: Pattern) -> bool:
    return pattern.kind == "last" and bool(pattern.callee) and pattern.change > CUT and pattern.nats > 1.0


def _credited(cut: Pattern, own: Mapping[str, Pattern], seen: Seen) -> bool:
    """Say whether a cut is the callee's doing: it diverges itself, or writes no lines that could tell."""
    if cut.callee in own and telling(own[cut.callee]) >= LEAST:
        return True
    rows = seen.rows(Modality.LOGS)
    return rows is None or not bool((rows["entity"] == cut.callee).any())


def _strongest(found: Iterable[Pattern]) -> dict[str, Pattern]:
    best: defaultdict[str, list[Pattern]] = defaultdict(list)
    for each in found:
        best[each.service].append(each)
    return {service: max(its, key=telling) for service, its in best.items()}


def telling(pattern: Pattern) -> float:
    """Return nats: the log of the Bayes factor's logarithm, by how sure the mark was and how much of it changed."""
    if pattern.nats <= 0 or (pattern.kind == "error" and pattern.change < 0):
        return 0.0
    sure = pattern.before if pattern.change < 0 else 1.0 - pattern.before
    kind = 1.0 if pattern.change < 0 or pattern.kind in ("error", "last") else NEWLY
    if not pattern.sound:  # a visit that always failed may have become well: only a new error is none of that
        kind = 1.0 if pattern.kind == "error" else NEWLY if pattern.change < 0 else 0.0
    return min(CHANNEL_CAP, 2.0 * math.log1p(pattern.nats) * abs(pattern.change) * sure**2 * kind / pattern.spread)


def _note(pattern: Pattern) -> str:
    what = {"log": "line", "error": "error line", "operation": "operation", "call": "call", "last": "end without"}
    shares = f"in {percent(pattern.after)} of {pattern.operation}, {percent(pattern.before)} before"
    return f"{what[pattern.kind]} {pattern.mark} {shares} ({pattern.visits} traces)"


def _sign(seen: Seen, service: str, nats: float, note: str) -> Sign:
    observation = seen.traced.observation if seen.traced else ""
    return Sign(service, Family.PATTERN, nats, note, observation, Modality.TRACES, signal=Signal.ERRORS)
