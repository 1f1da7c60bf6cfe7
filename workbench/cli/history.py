"""Verbs on the graph's state: graph stats, stale, changes, check, forget; and on its parts (`parts`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import click

from ontology.errors import NotAllowed
from ontology.iris import BASE, PREFIXES
from ontology.nouns import Iri, Value, Window
from workbench import assembly, settings
from workbench.cli import parts
from workbench.graph.explore import beside
from workbench.graph.history import ChangeEvent
from workbench.graph.moments import duration, moment
from workbench.graph.staleness import Standing, stale, standing
from workbench.graph.writeback import doubts
from workbench.graph.writing import Writable

if TYPE_CHECKING:
    from workbench.graph.holder import Holder

_JSON = click.option("--json", "as_json", is_flag=True, help="print it as JSON")


@click.group()
def graph() -> None:
    """See how the infrastructure graph stands: its sources, their age, what changed, what is malformed.

    Example: workbench graph changes --since 15m --near checkout
    """


@graph.command()
@_JSON
def stats(as_json: bool) -> None:
    """Count what every source said, and how long ago.

    Example: workbench graph stats
    """
    with _store() as store:
        _tell(standing(store, _now()), "The graph is empty. Next: workbench scan compose ./your-estate", as_json)


@graph.command("stale")
@_JSON
def stale_(as_json: bool) -> None:
    """List the sources whose facts are unconfirmed: too long ago, not all was seen, or an investigation doubts one.

    Example: workbench graph stale
    """
    with _store() as store:
        _tell(stale(store, _now()), "Every source is confirmed.", as_json)
        for each in doubts(store):
            where = each.graph.removeprefix(f"{BASE}g/")
            click.echo(f"  Doubted {each.at:%Y-%m-%d %H:%M}: {where}, {each.because}. Next: scan it again.", err=True)


@graph.command()
@click.option("--since", default="15m", show_default=True, help="how far back: 90s, 15m, 2h, 1d")
@click.option("--until", default="", help="look back from this time (ISO-8601, or 2h ago) instead of now")
@click.option("--near", default="", help="only what concerns the thing of this name and what is beside it")
@_JSON
def changes(since: str, until: str, near: str, as_json: bool) -> None:
    """List the facts that came (+) and went (-), earliest first.

    Example: workbench graph changes --since 15m --near checkout
    """
    end = moment(until, _now()) if until else _now()
    window = Window(end - duration(since), end)
    with _store() as store:
        found = store.history.changes(window)
        if near:
            found = store.history.changes(window, beside(store, near, found))
        seen = store.history.first_seen(window)
    if as_json:
        click.echo(json.dumps([_change(each) for each in found], indent=1))
        return
    for each in found:
        said = f"{short(each.subject)}  {short(each.predicate)}  {short(each.object)}"
        click.echo(f"{each.time:%Y-%m-%d %H:%M:%S}  {each.op}  {said}  ({each.source})")
    if not found:
        click.echo(f"Nothing changed between {window.start:%Y-%m-%d %H:%M:%S} and {window.end:%H:%M:%S} UTC.")
    for run, facts in seen.items():
        click.echo(f"  First look, not listed: {unquote(run.removeprefix(f'{BASE}run/'))}, {facts:,} facts.", err=True)


@graph.command()
@_JSON
def check(as_json: bool) -> None:
    """Check every fact against the shapes (ontology/shapes.ttl); exit code 1 where one is violated.

    Example: workbench graph check
    """
    from ontology.loader import validate

    with _store() as store:
        report = validate(store.to_rdflib())
    if as_json:
        rows = [
            {name: getattr(each, name) for name in ("severity", "about", "message", "path", "value")}
            for each in report.problems
        ]
        click.echo(json.dumps(rows, indent=1))
    else:
        for each in report.problems:
            click.echo(f"{each.severity:<9}  {short(each.about)}  {each.message}")
        wrong = sum(each.severity == "violation" for each in report.problems)
        click.echo(f"{wrong:,} violations, {len(report.problems) - wrong:,} warnings.")
    if not report.conforms:
        sys.exit(1)


@graph.command()
@click.option("--before", required=True, help="what is older is folded: 30d, or a time (ISO-8601)")
def forget(before: str) -> None:
    """Fold the history before a time into one state: the graph stays as it is, as-of and changes begin there.

    Example: workbench graph forget --before 30d
    """
    end = moment(before, _now())
    with assembly.writing_graph(settings.load()) as store:
        if not isinstance(store, Writable):
            raise NotAllowed(
                "The history belongs to the process that owns the graph.", next_step="Close the Jupyter server first."
            )
        gone = store.history.log.fold(end)
    click.echo(f"{gone:,} changes forgotten; the history begins {end:%Y-%m-%d %H:%M:%S} UTC." if gone else _NOTHING_OLD)


_NOTHING_OLD = "Nothing is older; the history stays as it is."
for _verb in (parts.around, parts.blast, parts.path):
    graph.add_command(_verb)


def ago(age: timedelta) -> str:
    """Return the age in its largest unit.

    >>> ago(timedelta(minutes=90)), ago(timedelta(0))
    ('90 min', '0 s')
    """
    seconds = age.total_seconds()
    steps = (("d", 2 * 86_400, 86_400), ("h", 2 * 3_600, 3_600), ("min", 120, 60))
    return next((f"{seconds / unit:.0f} {name}" for name, least, unit in steps if seconds >= least), f"{seconds:.0f} s")


def short(value: Iri | Value) -> str:
    """Return the value as a person reads it: things without the base, terms with their prefix.

    >>> short(Iri("https://w3id.org/incident-workbench/id/service/default:cart"))
    'service/default:cart'
    """
    if not isinstance(value, Iri):
        return json.dumps(value) if isinstance(value, str) else str(value)
    for prefix, namespace in PREFIXES.items():
        if value.startswith(namespace):
            return f"{prefix}:{value.removeprefix(namespace)}"
    return value.removeprefix(f"{BASE}id/")


def _store() -> Holder:
    return assembly.reading_graph(settings.load())


def _now() -> datetime:
    return datetime.now(UTC)


def _tell(rows: Sequence[Standing], nothing: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_row(each) for each in rows], indent=1))
        return
    if not rows:
        click.echo(nothing)
        return
    cells = [("source", "scope", "layer", "facts", "age", "state", "confidence"), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = (each.ljust(width) for each, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
    click.echo(f"{sum(each.facts for each in rows):,} facts in {len(rows):,} graphs.")


def _cells(each: Standing) -> tuple[str, ...]:
    told = f"{each.confidence:.2f}"
    return (each.source, each.scope, each.layer, f"{each.facts:,}", ago(each.age), each.state, told)


def _row(each: Standing) -> dict[str, Any]:
    return {
        "graph": each.graph,
        "source": each.source,
        "scope": each.scope,
        "layer": str(each.layer),
        "facts": each.facts,
        "seen": each.seen.isoformat(),
        "age_seconds": each.age.total_seconds(),
        "ttl_seconds": None if each.ttl is None else each.ttl.total_seconds(),
        "complete": each.complete,
        "state": str(each.state),
        "confidence": round(each.confidence, 4),
    }


def _change(each: ChangeEvent) -> dict[str, Any]:
    return {
        "time": each.time.isoformat(),
        "op": each.op,
        "subject": each.subject,
        "predicate": each.predicate,
        "object": each.object.isoformat() if isinstance(each.object, datetime) else each.object,
        "source": each.source,
        "scope": each.scope,
        "layer": str(each.layer),
        "run": each.run,
    }
