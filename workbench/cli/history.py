"""Verbs on the graph's state: graph stats, stale, changes, check."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import click

from ontology.errors import BadInput
from ontology.iris import BASE, PREFIXES
from ontology.nouns import Iri, Value, Window, utc
from workbench import settings
from workbench.graph.history import ChangeEvent
from workbench.graph.queries import last_name
from workbench.graph.staleness import Standing, stale, standing
from workbench.graph.store import GraphStore
from workbench.graph.view import View

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
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
    """List the sources whose facts are unconfirmed: too long ago, or the last look did not see everything.

    Example: workbench graph stale
    """
    with _store() as store:
        _tell(stale(store, _now()), "Every source is confirmed.", as_json)


@graph.command()
@click.option("--since", default="15m", show_default=True, help="how far back: 90s, 15m, 2h, 1d")
@click.option("--until", default="", help="look back from this time (ISO-8601) instead of now")
@click.option("--near", default="", help="only what concerns the thing of this name and what is beside it")
@_JSON
def changes(since: str, until: str, near: str, as_json: bool) -> None:
    """List the facts that came (+) and went (-), earliest first.

    Example: workbench graph changes --since 15m --near checkout
    """
    end = utc(until) if until else _now()
    window = Window(end - duration(since), end)
    with _store() as store:
        beside = _nearby(store, near, window) if near else None
        found = store.history.changes(window, beside)
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


def duration(text: str) -> timedelta:
    """Return the length of time.

    Raises:
        BadInput: the text is no length of time.

    >>> duration("15m")
    datetime.timedelta(seconds=900)
    """
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)\s*([smhdw])", text.strip())
    if not found:
        raise BadInput(f"{text!r} is no length of time.", next_step="Write it like 90s, 15m, 2h or 1d.")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


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


def _store() -> GraphStore:
    return GraphStore.latest(settings.load().home / "graph")


def _now() -> datetime:
    return datetime.now(UTC)


def _nearby(store: GraphStore, name: str, window: Window) -> Sequence[Iri]:
    """Return what is beside the thing; one that is gone by now is known by what went with its name."""
    view = View(store)
    if view.find(name):
        return [each.iri for each in view.nearby(name)]
    gone = {each.subject for each in store.history.changes(window) if name in (each.object, last_name(each.subject))}
    return sorted(gone) or [each.iri for each in view.nearby(name)]


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
