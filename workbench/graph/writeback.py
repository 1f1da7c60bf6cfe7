"""What investigations write back: facts of a case, facts that a person accepted, and doubts about what a source said.

A case writes to a graph of its own. What is accepted moves to a scope that outlives the case. A doubt removes nothing:
it asks for that source to look again, and goes when it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ontology import terms
from ontology.iris import graph as graph_iri
from ontology.nouns import Fact, Iri, Layer
from scanners.protocol import Scan
from workbench.graph.convert import graphs_of, named, term
from workbench.graph.holder import Holder
from workbench.graph.reading import Readable, graph_name

ACCEPTED = ("accepted", "investigations")
"""Source and scope of what people accepted."""
_DOUBTS = "doubts"
_OURS = graph_iri("live", "")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a source should look again."""

    graph: Iri
    """The named graph of its scope."""
    because: str
    at: datetime


def hold(holder: Holder, case_id: str, learned: Iterable[Fact]) -> None:
    """Make the graph of the case say just what the case has learned."""
    wanted = tuple(learned)
    held = {each.id for each in holder.facts(graph_iri("live", case_id))}
    if held - {each.id for each in wanted}:
        holder.forget_learned(case_id)
    if {each.id for each in wanted} - held or held - {each.id for each in wanted}:
        holder.learn(case_id, wanted)


def accept(holder: Holder, accepted: Iterable[Fact], at: datetime) -> None:
    """Keep facts of a case beyond it; each keeps its source, time, confidence and evidence."""
    known = _accepted(holder) | {each.id: replace(each, layer=Layer.LEARNED) for each in accepted}
    _keep(holder, known.values(), at)


def take_back(holder: Holder, fact: Fact, at: datetime) -> None:
    """Drop a fact that was accepted; nothing happens where it was not."""
    known = _accepted(holder)
    if known.pop(fact.id, None) is not None:
        _keep(holder, known.values(), at)


def _accepted(holder: Holder) -> dict[str, Fact]:
    return {each.id: each for name in graphs_of(*ACCEPTED) for each in holder.facts(name)}


def _keep(holder: Holder, accepted: Iterable[Fact], at: datetime) -> None:
    source, scope = ACCEPTED
    holder.replace(Scan(source, scope, Layer.LEARNED, tuple(accepted), (), complete=True, started=at, finished=at))
    holder.share()


def doubt(holder: Holder, fact: Fact, because: str, at: datetime) -> tuple[Iri, ...]:
    """Ask every source that says so to look again; return their graphs. The fact stays until one of them takes it back.

    What investigations said has no source that could look again.
    """
    said = holder.quads(named(fact.subject), named(fact.predicate), term(fact.object))
    ours = graphs_of(*ACCEPTED)
    names = {graph_name(quad) for quad in said}
    graphs = tuple(sorted(each for each in names if each not in ours and not each.startswith(_OURS)))
    why = f"{terms.kind_of(fact.predicate) or fact.predicate}: {because}"
    holder.learn(
        _DOUBTS,
        [Fact(each, terms.RESCAN_WANTED, why, layer=Layer.LEARNED, source="investigation", seen=at) for each in graphs],
    )
    holder.share()
    return graphs


def doubts(graph: Readable) -> tuple[Doubt, ...]:
    """Return which graphs are doubted, and why, the oldest first."""
    said = graph.facts(graph_iri("live", _DOUBTS))
    found = (Doubt(each.subject, str(each.object), each.seen) for each in said)
    return tuple(sorted(found, key=lambda each: (each.at, each.graph)))


def looked_again(holder: Holder, source: str, scope: str) -> None:
    """Drop the doubts about a scope: its source has looked since."""
    own = graphs_of(source, scope)
    said = holder.facts(graph_iri("live", _DOUBTS))
    if any(each.subject in own for each in said):
        holder.forget_learned(_DOUBTS)
        holder.learn(_DOUBTS, [each for each in said if each.subject not in own])
