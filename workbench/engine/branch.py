"""A fork of an investigation, and what comes back of it. Pure: a case in, a case out.

fork = forked(case, "what if it is the cache", id)    # all that is known so far, nothing planned anew
case = merged(case, fork, since=case_at_the_fork)          # its observations, pins and rulings; then think again
"""

from __future__ import annotations

import re
from dataclasses import replace

from workbench.nouns import Case, Hypothesis, State, Steer


def forked(case: Case, what: str, fork_id: str) -> Case:
    """Return the case under another id, open for its own steps.

    It holds every observation, so that no question is asked again; an entity of the scope that the words name is
    looked at next.
    """
    words = set(re.findall(r"[\w.-]+", what.lower()))
    named = [each for each in case.scope if each.name.lower() in words]
    said = [Steer("look-at", what, each.iri) for each in named] or [Steer("note", what)]
    return replace(case, id=fork_id, steers=(*case.steers, *said), ended="", note=f"A fork: {what}")


def merged(case: Case, fork: Case, since: Case) -> Case:
    """Return the case with what the fork found, open for a thought over it.

    Observations, learned facts, and all that a person said in the fork come with their reasons. What a person
    confirmed in the case itself stays so; the fork's confirmation counts where the case has none.

    Args:
        case: goes on, under its own id.
        fork: what it takes over from.
        since: the fork as it was when it began, or when it was merged before: what it cost since then is added.
    """
    seen = {each.id for each in case.observations}
    known = {each.id for each in case.learned}
    return replace(
        case,
        observations=(*case.observations, *(each for each in fork.observations if each.id not in seen)),
        learned=(*case.learned, *(each for each in fork.learned if each.id not in known)),
        steers=(*case.steers, *(each for each in fork.steers if each not in case.steers)),
        hypotheses=_ruled(case, fork),
        spent=case.spent + (fork.spent - since.spent),
        planned=(),
        ended="",
    )


def _ruled(case: Case, fork: Case) -> tuple[Hypothesis, ...]:
    """Return the case's hypotheses as ruled in the fork too: ruled-out ones last."""
    said = {each.id: each for each in fork.hypotheses}
    settled = any(each.state is State.CONFIRMED for each in case.hypotheses)
    own = [_as_ruled(each, said.get(each.id), settled) for each in case.hypotheses]
    names = {each.id for each in own}
    ruled = (State.RULED_OUT,) if settled else (State.RULED_OUT, State.CONFIRMED)
    new = [each for each in fork.hypotheses if each.id not in names and each.state in ruled]
    return tuple(sorted((*own, *new), key=lambda each: each.state is State.RULED_OUT))


def _as_ruled(own: Hypothesis, other: Hypothesis | None, settled: bool) -> Hypothesis:
    if other is None or own.state in (State.CONFIRMED, State.RULED_OUT):
        return own
    if other.state is State.RULED_OUT:
        return replace(own, state=State.RULED_OUT, ruled_out_because=other.ruled_out_because)
    return replace(own, state=State.CONFIRMED) if other.state is State.CONFIRMED and not settled else own
