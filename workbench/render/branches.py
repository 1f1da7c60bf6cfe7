"""A case and a fork of it side by side: verdict, ranks, what only one of them has seen, what each cost."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.nouns import Answered, Case, Hypothesis, Observation, Silent, State, Steer
from workbench.render import board
from workbench.render.markup import columns, fold, grid, tag
from workbench.render.parts import bar, sure
from workbench.render.spend import spend_words
from workbench.render.view import View, page
from workbench.render.words import cut, some

SHOWN = 8
"""Hypotheses, and observations of one side alone, in sight."""
_ABSENT = "not held"
_SEEN = ("only in", "kind", "of", "what came back")


def branches_view(case: Case, fork: Case, start: Case, what: str) -> View:
    """Return both side by side.

    Args:
        case: as it stands, with what it did since the fork left.
        fork: as it stands.
        start: the fork as it began: what both have in common.
        what: what the fork asks.
    """
    say = sentence(case, fork)
    heads = ("", "this case", f"fork: {cut(what, 60)}")
    facts, ranked = _facts(case, fork, start), _hypotheses(case, fork)
    seen = [*_seen("this case", case, fork), *_seen("the fork", fork, case)]
    said = [*_said("this case", case, start), *_said("the fork", fork, start)]
    drawn = [(each.claim, _drawn(case, each), _drawn(fork, each)) for each in ranked]
    words = [(each.claim, _words(case, each), _words(fork, each)) for each in ranked]
    own = columns(seen, _SEEN, most=70) if seen else "Both have seen the same."
    text = "\n\n".join(
        filter(
            None,
            (
                f"{say}\n" + columns(facts, heads, most=70),
                columns(words, ("hypothesis", *heads[1:]), most=60),
                own,
                columns(said, ("said in", "what", "why"), most=70) if said else "",
            ),
        )
    )
    return page(
        text,
        tag("p", say, class_="say"),
        grid(facts, heads, class_="rows sides"),
        grid(drawn, ("hypothesis", *heads[1:]), class_="rows sides") if ranked else None,
        tag("p", "Evidence that only one has" if seen else "Both have seen the same.", class_="mute"),
        grid(seen[:SHOWN], _SEEN, class_="rows") if seen else None,
        fold(f"{len(seen) - SHOWN} more", grid(seen[SHOWN:], _SEEN, class_="rows")) if len(seen) > SHOWN else None,
        tag("p", "Said by a person since", class_="mute") if said else None,
        grid(said, ("in", "what", "why"), class_="rows") if said else None,
        kind="branches",
    )


def sentence(case: Case, fork: Case) -> str:
    """Say whether they agree."""
    own, other = case.top, fork.top
    if own is None or other is None:
        return "One of them holds no hypothesis." if own or other else "Neither holds a hypothesis."
    if own.id == other.id:
        both = f"{own.confidence.value:.2f} here, {other.confidence.value:.2f} in the fork"
        return f"Both lead to {cut(own.suspect.name, 40)}: {both}."
    if own.suspect.iri == other.suspect.iri:
        both = f"this case that {_claim(own)}, the fork that {_claim(other)}"
        return f"Both suspect {cut(own.suspect.name, 40)}, for different causes: {both}."
    return (
        f"They differ: this case leads to {cut(own.suspect.name, 40)} ({own.confidence.value:.2f}), "
        f"the fork to {cut(other.suspect.name, 40)} ({other.confidence.value:.2f})."
    )


def _claim(each: Hypothesis) -> str:
    return f"{cut(each.claim, 90)} ({each.confidence.value:.2f})"


def _facts(case: Case, fork: Case, start: Case) -> list[tuple[str, str, str]]:
    """Return what is compared in words: verdict, where each stands, what each cost on its own."""
    both = (case, fork)
    rows = [
        ("verdict", *(board.sentence(each) for each in both)),
        ("stands", *(each.ended or "open" for each in both)),
        ("steps since", *(str(each.steps - start.steps) for each in both)),
        ("cost since", *(spend_words(each.spent - start.spent) for each in both)),
    ]
    return [(name, own, other) for name, own, other in rows]


def _hypotheses(case: Case, fork: Case) -> list[Hypothesis]:
    """Return the hypotheses of both, each once, the best rank of either first."""
    ranks: dict[str, int] = {}
    held: dict[str, Hypothesis] = {}
    for side in (case, fork):
        for rank, each in enumerate(side.hypotheses):
            ranks[each.id] = min(rank, ranks.get(each.id, rank))
            held.setdefault(each.id, each)
    return sorted(held.values(), key=lambda each: ranks[each.id])[:SHOWN]


def _drawn(case: Case, hypothesis: Hypothesis) -> object:
    rank, each = _held(case, hypothesis)
    if each is None:
        return tag("span", _ABSENT, class_="mute")
    why = f"ruled out: {each.ruled_out_because}" if each.state is State.RULED_OUT else str(each.state)
    return tag(
        "div", tag("span", tag("b", f"{rank}. "), sure(each.confidence)), tag("div", cut(why, 120), class_="mute small")
    )


def _words(case: Case, hypothesis: Hypothesis) -> str:
    rank, each = _held(case, hypothesis)
    if each is None:
        return _ABSENT
    return f"{rank}. {each.confidence.value:.2f} {bar(each.confidence.value)} {each.state}"


def _held(case: Case, hypothesis: Hypothesis) -> tuple[int, Hypothesis | None]:
    """Return the case's own hypothesis of that id with its rank from 1."""
    return next(((n, each) for n, each in enumerate(case.hypotheses, 1) if each.id == hypothesis.id), (0, None))


def _seen(name: str, case: Case, other: Case) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each observation that the other has not made."""
    theirs = {each.id for each in other.observations}
    for each in case.observations:
        if each.id not in theirs:
            about = ", ".join(entity.name for entity in each.question.about[:3]) or "everything in scope"
            more = f" and {len(each.question.about) - 3} more" if len(each.question.about) > 3 else ""
            yield name, str(each.question.modality), about + more, _came(each)


def _came(observation: Observation) -> str:
    reply = observation.reply
    if isinstance(reply, Answered):
        lines = reply.digest.splitlines()
        return f"{cut(lines[0], 140).rstrip(':') if lines else some(len(reply.table), 'row')} ({observation.id})"
    return (
        f"nothing there ({observation.id})" if isinstance(reply, Silent) else f"could not look: {cut(reply.words, 120)}"
    )


def _said(name: str, case: Case, start: Case) -> Iterator[tuple[str, str, str]]:
    """Yield what a person said since the fork began."""
    whom = {each.id: f"“{each.claim}”" for each in case.hypotheses} | {each.iri: each.name for each in case.scope}
    for steer in case.steers:
        if steer not in start.steers:
            yield name, _steer(steer, whom), cut(steer.text, 140)


def _steer(steer: Steer, whom: dict[str, str]) -> str:
    return f"{steer.kind.replace('-', ' ')} {whom.get(steer.target, steer.target)}".strip()
