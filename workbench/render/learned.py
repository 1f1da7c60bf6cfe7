"""What a case found out of the estate: each fact with how sure, on what, and whether a person took it over."""

from __future__ import annotations

from collections.abc import Sequence

from ontology import terms
from ontology.nouns import Fact, Iri
from workbench.nouns import Case
from workbench.render.markup import columns, grid, tag
from workbench.render.view import View, page
from workbench.render.words import cut, listed, number, some

_HEAD = ("id", "fact", "sure", "seen in", "state")


def learned_view(case: Case) -> View:
    """Return the facts that the case learned, with the lines that accept or reject one."""
    say = sentence(case)
    rows = [_row(case, each) for each in _relations(case)]
    how = f'Keep one for good: case.accept("{rows[0][0]}"). Drop one: case.reject("{rows[0][0]}").' if rows else ""
    out = [cut(each.text, 160) for each in case.steers if each.kind == "reject"]
    dropped = f"Not so: {'; '.join(out)}." if out else ""
    table = columns(rows, _HEAD, most=70) if rows else ""
    return page(
        "\n".join(filter(None, (say, table, dropped, how))),
        tag("p", say, class_="say"),
        grid(rows, _HEAD, class_="rows") if rows else None,
        tag("p", dropped, class_="small") if dropped else None,
        tag("p", how, class_="mute small") if how else None,
        kind="learned",
    )


def sentence(case: Case) -> str:
    """Say what was learned, or that nothing was."""
    found = _relations(case)
    if not found:
        return "This case has learned nothing that the graph did not know."
    return f"Learned {some(len(found), 'fact')}: {listed([_said(case, each) for each in found], 3)}."


def news(case: Case, before: Case | None) -> str:
    """Say what the latest step learned; empty where it learned nothing."""
    known = {each.id for each in before.learned} if before else set()
    found = [_said(case, each) for each in _relations(case) if each.id not in known]
    return f"Learned: {listed(found, 3)}   [case.learned()]" if found else ""


def _relations(case: Case) -> Sequence[Fact]:
    """Return the learned facts but for what merely names and types a thing."""
    return [each for each in case.learned if each.predicate not in (terms.TYPE, terms.LABEL)]


def _said(case: Case, fact: Fact) -> str:
    names = {each.iri: each.name for each in case.scope}
    ends = [cut(names.get(Iri(str(each)), str(each).rpartition(":")[2]), 40) for each in (fact.subject, fact.object)]
    return f" {terms.kind_of(fact.predicate)} ".join(ends)


def _row(case: Case, fact: Fact) -> tuple[object, ...]:
    taken = any(steer.kind == "accept" and steer.target == fact.id for steer in case.steers)
    state = "accepted" if taken else "of this case"
    return (fact.id, _said(case, fact), number(fact.confidence), cut(fact.evidence, 70), state)
