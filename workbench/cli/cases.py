"""Verbs on alerts and cases: open, investigate."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ontology.errors import BadInput, NotAllowed, NotFound, Unavailable
from ontology.nouns import Alert
from workbench import assembly, settings
from workbench.desk.desk import Desk
from workbench.desk.door import keep_recorded, take_up
from workbench.desk.prepare import backend
from workbench.intake import alertmanager
from workbench.render.board import hypotheses_json
from workbench.render.saved import alerts_view
from workbench.settings import Settings


@click.command("open")
@click.argument("alert", required=False)
@click.option("--list", "listed", is_flag=True, help="list the alerts that the journal holds")
def open_(alert: str | None, listed: bool) -> None:
    """Make the notebook of an alert, or find it, and print its path and link.

    ALERT is the id of a known alert, a file with an Alertmanager payload, or a recorded case.

    Example: workbench open payload.json
    """
    chosen = settings.load()
    if listed or alert is None:
        click.echo(alerts_view([kept.alert for kept in assembly.journal(chosen).alerts()]).text)
        return
    for each in known(alert, chosen):
        path = backend(chosen).create(each)
        click.echo(f"{path}\n/workbench/open/{each.id}")


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

    Example: workbench investigate shop-checkout --json
    """
    chosen = settings.load()
    if reasoner == "claude" and not chosen.anthropic_api_key.get_secret_value():
        raise Unavailable(
            "The Claude reasoner has no key.",
            next_step="Set WORKBENCH_ANTHROPIC_API_KEY, or leave --reasoner away: the statistical one needs none.",
        )
    desks = [_concluded(alert, chosen, again, reasoner or "") for alert in known(case, chosen)]
    if as_json:
        said = [hypotheses_json(desk.case) for desk in desks]
        click.echo(json.dumps(said[0] if len(said) == 1 else said, indent=1))
        return
    for desk in desks:
        click.echo(f"{desk.screen().text}\n\n{desk.hypotheses().text}")


def _concluded(alert: Alert, chosen: Settings, again: bool, reasoner: str) -> Desk:
    """Step the case of an alert to its end, a line a step on standard error."""
    click.echo(f"Looking at {alert.title} …", err=True)
    desk = take_up(alert.id, chosen, again=again, reasoner=reasoner)
    while not desk.case.ended or desk.case.ended == "stopped":
        click.echo(desk.step().text.splitlines()[0], err=True)
    return desk


def known(what: str, chosen: Settings) -> tuple[Alert, ...]:
    """Return the alerts that a word on the command line means, kept in the journal.

    Raises:
        NotFound: no such alert, file or recording.
        NotAllowed: the file cannot be read.
        BadInput: the file is no payload.
    """
    journal = assembly.journal(chosen)
    path = Path(what)
    if what in assembly.recordings() or path.is_dir():
        return (keep_recorded(what, chosen),)
    if path.is_file():
        alerts = alertmanager.alerts(_payload(path))
        for each in alerts:
            journal.keep_alert(each, assembly.LIVE)
        return alerts
    if path.suffix or len(path.parts) != 1:  # no alert's id looks like that
        raise NotFound(f"There is no file or folder {what!r}.", next_step="Check the path.")
    return (journal.alert(what).alert,)


def _payload(path: Path) -> dict[str, object]:
    send = "Send the body of an Alertmanager webhook, version 4."
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is not JSON: {error}.", next_step=send) from error
    except OSError as error:
        raise NotAllowed(
            f"{path} cannot be read: {error.strerror}.", next_step="Check who may read the file."
        ) from error
    if not isinstance(payload, dict):
        raise BadInput(f"{path.name} is not a payload: it holds no JSON object.", next_step=send)
    return payload
