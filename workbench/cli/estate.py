"""Verbs on the infrastructure graph: scan, query."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ontology.errors import BadInput
from scanners import catalogue
from workbench import settings
from workbench.cli.place import writable
from workbench.graph.ask import ask, results_json
from workbench.graph.rescan import rescan
from workbench.graph.store import GraphStore
from workbench.render.markup import columns

if TYPE_CHECKING:
    import pandas as pd

WIDEST = 200
"""Characters of a cell in a table for a person; CSV and JSON hold all of it."""


@click.command()
@click.argument("scanner", type=click.Choice(sorted(catalogue.CATALOGUE)))
@click.argument("targets", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="print what changed as JSON")
def scan(scanner: str, targets: tuple[Path, ...], as_json: bool) -> None:
    """Scan folders or files into the infrastructure graph; what broke is named, the rest is kept.

    Example: workbench scan compose ./shop
    """
    chosen = settings.load()
    for target in targets:
        if not target.exists():
            raise BadInput(f"There is no {str(target)!r} to scan.", next_step="Check the path.")
    scanners = [catalogue.scanner(scanner, target, chosen.environment) for target in targets]
    store = GraphStore.open(writable(chosen.home) / "graph")
    try:
        with click.progressbar(length=len(scanners), label=f"Scanning {scanner}", file=sys.stderr) as bar:
            reports = rescan(store, scanners, progress=lambda *_: bar.update(1))
    finally:
        store.close()
    if as_json:
        click.echo(json.dumps([report.as_json() for report in reports], indent=1))
    for report in reports:
        first, _, problems = report.text.partition("\n")
        if report.failure is not None or not as_json:
            click.echo(first, err=report.failure is not None)
        if problems:
            click.echo(f"{problems}\n  Next: mend this and scan again; the rest is in the graph.", err=True)
    if not all(report.ok for report in reports):
        sys.exit(1)


@click.command()
@click.argument("sparql")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def query(sparql: str, form: str) -> None:
    """Ask the infrastructure graph in SPARQL; wb:, rdf:, rdfs:, prov: and otel: are known. A dash reads standard input.

    Example: workbench query 'SELECT ?a ?b { ?x wb:calls ?y . ?x rdfs:label ?a . ?y rdfs:label ?b }'
    """
    text = sys.stdin.read() if sparql == "-" else sparql
    store = GraphStore.latest(settings.load().home / "graph")
    if form == "json":
        click.echo(results_json(store, text))
        return
    table = ask(store, text, short=form == "table")
    if form == "csv":
        click.echo(table.to_csv(index=False).rstrip())
    else:
        click.echo(_lines(table))
    if table.attrs.get("truncated"):
        click.echo(f"  Only the first {len(table):,} rows; add a LIMIT or narrow the query.", err=True)
    elif table.empty and not len(store):
        click.echo("  The graph is empty. Next: workbench scan compose ./your-estate", err=True)


def _lines(table: pd.DataFrame) -> str:
    """Return the table as text, without what a terminal would obey; an unbound variable is left blank."""
    rows = table.astype(object).where(table.notna(), "").itertuples(index=False, name=None)
    return columns(rows, map(str, table.columns), most=WIDEST) + ("\n(no rows)" if table.empty else "")
