"""Verbs on alerts and cases: open, investigate."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ontology.errors import BadInput, NotAllowed, NotFound, Unavailable
from ontology.nouns import Alert
from workbench import assembly, settings
from workbench.desk.desk import Desk
from workbench.desk.door import keep_recorded, take_up
from workbench.desk.prepare import backend
from workbench.intake import alertmanager
from workbench.intake.alertmanager import Delivery
from workbench.journal import Journal
from workbench.render.board import hypotheses_json
from workbench.render.saved import alerts_view
from workbench.settings import Settings


@click.command("open")
@click.argument("alert", required=False)
@click.option("--list", "listed", is_flag=True, help="list the known alerts and the recorded incidents")
def open_(alert: str | None, listed: bool) -> None:
    """Make the notebook of an alert, or find it, and print its path and link.

    ALERT is the id of a known alert, a file with an Alertmanager payload, or a recorded case.

    Example: workbench open payload.json
    """
    chosen = settings.load()
    if listed or alert is None:
        click.echo(alerts_view([kept.alert for kept in assembly.journal(chosen).alerts()]).text)
        click.echo(f"Recorded incidents: {', '.join(assembly.recordings())}")
        return
    found = known(alert, chosen)
    for each in found.alerts:
        path = backend(chosen).create(each)
        click.echo(f"{path}\n/workbench/open/{each.id}")
    _left_out(found)


@click.command()
@click.argument("case")
@click.option(
    "--json", "as_json", is_flag=True, help="print the case as JSON; its schema is docs/hypothesis.schema.json"
)
@click.option("--reasoner", type=click.Choice(["statistical", "claude"]), default=None, help="who thinks")
@click.option("--again", is_flag=True, help="ask anew instead of resuming")
def investigate(case: str, as_json: bool, reasoner: str | None, again: bool) -> None:
    """Investigate an alert or a recorded case to its conclusion, without a notebook.

    CASE is the id of a known alert, a file with an Alertmanager payload, or a recorded case (its folder or name). A
    payload of several alerts is investigated one after the other; --json then prints a list.

    Example: workbench investigate shop-25c7c1 --json
    """
    chosen = settings.load()
    if reasoner == "claude" and not chosen.anthropic_api_key.get_secret_value():
        raise Unavailable(
            "The Claude reasoner has no key.",
            next_step="Set WORKBENCH_ANTHROPIC_API_KEY, or leave --reasoner away: the statistical one needs none.",
        )
    found = known(case, chosen)
    desks = [_concluded(alert, chosen, again, reasoner or "") for alert in found.alerts]
    if as_json:
        said = [hypotheses_json(desk.case) for desk in desks]
        click.echo(json.dumps(said[0] if len(said) == 1 else said, indent=1))
    else:
        for desk in desks:
            click.echo(f"{desk.screen().text}\n\n{desk.hypotheses().text}")
    _left_out(found)


def _concluded(alert: Alert, chosen: Settings, again: bool, reasoner: str) -> Desk:
    """Step the case of an alert to its end, a line a step on standard error."""
    click.echo(f"Looking at {alert.title} …", err=True)
    desk = take_up(alert.id, chosen, again=again, reasoner=reasoner)
    while not desk.case.ended or desk.case.ended == "stopped":
        click.echo(desk.step().text.splitlines()[0], err=True)
    click.echo(desk.case.note, err=True)
    return desk


def known(what: str, chosen: Settings) -> Delivery:
    """Return the alerts that a word on the command line means, kept in the journal.

    Raises:
        NotFound: no such alert, file or recording.
        NotAllowed: the file cannot be read.
        BadInput: the file is no payload, or none of its alerts can be used.
    """
    path = Path(what)
    if what in assembly.recordings() or path.is_dir():
        return Delivery((keep_recorded(what, chosen),))
    if path.is_file():
        return _delivered(path, assembly.journal(chosen))
    if path.suffix or what != path.name:  # no alert's id looks like that
        raise NotFound(f"There is no file or folder {what!r}.", next_step="Check the path.")
    return Delivery((assembly.journal(chosen).alert(what).alert,))


def _delivered(path: Path, journal: Journal) -> Delivery:
    """Keep the alerts of a file with a payload; one that cannot be used does not lose the others."""
    try:
        found = alertmanager.deliver(alertmanager.parse(path.read_bytes()))
    except OSError as error:
        raise NotAllowed(f"{path} cannot be read: {error.strerror}.", next_step="Check who may read it.") from error
    except BadInput as error:
        raise BadInput(f"{path}: {error.problem}", next_step=error.next_step) from error
    if not found.alerts:
        raise found.problems[0]
    for alert in found.alerts:
        journal.keep_alert(alert, assembly.LIVE)
    return found


def _left_out(found: Delivery) -> None:
    """Name the alerts that could not be used, after the others were seen to; the exit code says it as well."""
    for problem in found.problems:
        click.echo(f"Left out. {problem.problem}\n  Next: {problem.next_step}", err=True)
    if found.problems:
        sys.exit(1)
