"""Verbs on the infrastructure graph: scan, query."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ontology.errors import BadInput
from scanners import catalogue
from scanners.binding import Binding
from workbench import assembly, settings
from workbench.cli.place import writable
from workbench.cli.scanned import Guarded, Target, pairs, remember, remembered
from workbench.graph.ask import ask, results_json
from workbench.graph.moments import duration, moment
from workbench.graph.rescan import Report, rescan
from workbench.render.markup import columns
from workbench.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from workbench.graph.holder import Holder

WIDEST = 200
"""Characters of a cell in a table for a person; CSV and JSON hold all of it."""


@click.command()
@click.argument("words", nargs=-1, metavar="[NAME TARGET]...")
@click.option("--list", "listing", is_flag=True, help="list the scanners, and what was scanned before")
@click.option("--every", default="", help="go on until stopped, with this pause between: 5m, 1h")
@click.option("--json", "as_json", is_flag=True, help="print what changed as JSON")
def scan(words: tuple[str, ...], listing: bool, every: str, as_json: bool) -> None:
    """Scan into the infrastructure graph; what broke is named, the rest is kept.

    NAME is a scanner, TARGET what it looks at: a folder, a context, an address. Several targets may follow one NAME.
    Without any, everything that was scanned before is scanned again.

    Example: workbench scan compose ./shop source ./shop/src

    Example: workbench scan --every 15m
    """
    chosen = settings.load()
    home = writable(chosen.home)
    if listing:
        click.echo(_listed(home))
        return
    targets = pairs(words, chosen.environment) if words else remembered(home)
    if not targets:
        raise BadInput(
            "Nothing was scanned before, so that there is nothing to scan again.",
            next_step="Name a scanner and its target: workbench scan compose ./shop. List them: workbench scan --list",
        )
    pause = duration(every).total_seconds() if every else 0.0
    ok = _once(targets, chosen, as_json=as_json)
    while pause:
        time.sleep(pause)
        ok = _once(targets, chosen, as_json=as_json)
    if not ok:
        sys.exit(1)


def _once(targets: Sequence[Target], chosen: Settings, *, as_json: bool) -> bool:
    """Scan, remember what could be, and tell; say whether all of it was read and is well formed."""
    reports = _scanned(targets, chosen)
    remember(chosen.home, (each for each, report in zip(targets, reports, strict=True) if report.failure is None))
    if as_json:
        click.echo(json.dumps([report.as_json() for report in reports], indent=1))
    for report in reports:
        _tell(report, as_json=as_json)
    return all(report.ok for report in reports)


def _scanned(targets: Sequence[Target], chosen: Settings) -> tuple[Report, ...]:
    """Scan one after the other, and return a report for each; one that breaks does not keep the others from it."""
    clients, binding = assembly.clients(chosen), Binding(chosen.scopes)
    scanners = [Guarded(each, clients, binding) for each in targets]
    with (
        assembly.writing_graph(chosen) as graph,
        click.progressbar(length=len(scanners), label="Scanning", file=sys.stderr) as bar,
    ):
        return rescan(graph, scanners, progress=lambda *_: bar.update(1))


def _tell(report: Report, *, as_json: bool) -> None:
    """Print what came of one scanner, for a person."""
    first, _, problems = report.text.partition("\n")
    if report.failure is not None or not as_json:
        click.echo(first, err=report.failure is not None)
    if problems:
        click.echo(f"{problems}\n  Next: mend this and scan again; the rest is in the graph.", err=True)


def _listed(home: Path) -> str:
    """Return the scanners with what they want, and what was scanned before."""
    known = columns([(name, each.target) for name, each in sorted(catalogue.CATALOGUE.items())], ("scanner", "target"))
    before = [(each.scanner, each.target, each.environment) for each in remembered(home)]
    if not before:
        return f"{known}\n\nNothing was scanned before."
    again = columns(before, ("scanned before", "target", "environment"), most=WIDEST)
    return f"{known}\n\n{again}\nScan these again: workbench scan"


@click.command()
@click.argument("sparql")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--as-of", default="", help="ask of the graph as it was then: a time (ISO-8601), or 15m (ago)")
def query(sparql: str, form: str, as_of: str) -> None:
    """Ask the infrastructure graph in SPARQL; wb:, rdf:, rdfs:, prov: and otel: are known. A dash reads standard input.

    Example: workbench query 'SELECT ?a ?b { ?x wb:calls ?y . ?x rdfs:label ?a . ?y rdfs:label ?b }'
    """
    text = sys.stdin.read() if sparql == "-" else sparql
    with assembly.reading_graph(settings.load()) as graph:
        if not as_of:
            _answer(graph, text, form)
            return
        with graph.as_of(moment(as_of, datetime.now(UTC))) as then:
            _answer(then, text, form)


def _answer(graph: Holder, text: str, form: str) -> None:
    """Print the answer."""
    if form == "json":
        click.echo(results_json(graph, text))
        return
    table = ask(graph, text, short=form == "table")
    if form == "csv":
        click.echo(table.to_csv(index=False).rstrip())
    else:
        click.echo(_lines(table))
    if table.attrs.get("truncated"):
        click.echo(f"  Only the first {len(table):,} rows; add a LIMIT or narrow the query.", err=True)
    elif table.empty and not len(graph):
        click.echo("  The graph is empty. Next: workbench scan compose ./your-estate", err=True)


def _lines(table: pd.DataFrame) -> str:
    """Return the table as text, without what a terminal would obey; an unbound variable is left blank."""
    rows = table.astype(object).where(table.notna(), "").itertuples(index=False, name=None)
    return columns(rows, map(str, table.columns), most=WIDEST) + ("\n(no rows)" if table.empty else "")
