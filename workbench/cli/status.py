"""Verbs on the workbench itself: status and usage, the same as its panel in JupyterLab shows."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from workbench import settings
from workbench.desk import status as standing
from workbench.desk.status import Incident, Spent, Status
from workbench.render.words import ago

_JSON = click.option("--json", "as_json", is_flag=True, help="print it as JSON")


@click.command()
@_JSON
def status(as_json: bool) -> None:
    """Say how things stand: open incidents, what waits for a person, scans, budgets.

    Example: workbench status
    """
    known = standing.status(settings.load())
    if as_json:
        click.echo(json.dumps(standing.as_json(known), indent=1))
        return
    _section(f"{len(known.incidents)} open incidents", [_incident(each, known) for each in known.incidents])
    _section(f"{len(known.review)} to review", [f"{each.words}\n      {each.line}" for each in known.review])
    scans = [
        f"{each.state:<11}  {each.source} {each.scope}: {each.facts:,} facts, {ago(each.seen, known.at)}"
        for each in known.scans
    ]
    _section(f"{len(known.scans)} scanned", scans)
    budgets = [
        f"{each.name}: ${each.used:.2f}" + (f" of ${each.cap:.2f}" if each.cap else "") + _held(each.held)
        for each in known.purses
    ]
    _section("Spent", budgets)
    for problem in known.problems:
        click.echo(problem, err=True)


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="how far back, today included"
)
@_JSON
def usage(days: int, as_json: bool) -> None:
    """Report what was spent, by day, route and kind, against what is committed for a month.

    Example: workbench usage --days 7
    """
    known = standing.usage(settings.load(), days)
    if as_json:
        click.echo(json.dumps(standing.as_json(known), indent=1))
        return
    lost = f", of which ${known.lost:.2f} are reserved by processes that died" if known.lost else ""
    click.echo(f"${known.dollars:.2f} from {known.since} to {known.until}, {known.tokens:,} tokens{lost}.")
    against = f" of ${known.committed:.2f} committed" if known.committed else "; nothing is committed"
    click.echo(f"This month: ${known.month:.2f}{against}; ${known.expected:.2f} at this pace.")
    for title, groups in (("By day", known.by_day), ("By route", known.by_route), ("By kind", known.by_kind)):
        if groups:
            _section(title, _columns(groups))


def _incident(each: Incident, known: Status) -> str:
    sure = f"{each.confidence:.2f} {each.summary}" if each.confidence is not None else each.because
    over = ", over" if each.resolved else ""
    alerts = f", {each.alerts} alerts" if each.alerts > 1 else ""
    facts = f"{each.state}{over}, {ago(each.fired, known.at)}{alerts}, ${each.dollars:.2f}"
    head = f"{each.severity:<8}  {each.title}  ({facts})"
    return head + (f"\n      {sure}" if sure else "") + f"\n      {each.link}"


def _held(dollars: float) -> str:
    return f", ${dollars:.2f} held for calls under way" if dollars else ""


def _columns(groups: Sequence[Spent]) -> list[str]:
    width = max(len(each.group) for each in groups)
    return [
        f"{each.group:<{width}}  ${each.dollars:>8.2f}  {each.tokens:>12,} tokens  {each.cases:>4} cases"
        for each in groups
    ]


def _section(title: str, lines: Sequence[str]) -> None:
    click.echo(title)
    for line in lines:
        click.echo(f"  {line}")
