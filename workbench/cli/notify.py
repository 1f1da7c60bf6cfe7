"""The verb notify: try the places that findings are told at, and see what was told."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime

import click

from ontology.errors import NotFound, PersonError
from workbench import assembly, settings
from workbench.desk.tell import places
from workbench.journal import sent
from workbench.notify import Delivery, Notice, Reason


@click.group()
def notify() -> None:
    """Tell findings in Slack, by mail, at a webhook: `workbench watch` does; here it is tried and looked at.

    Example: workbench notify test
    """


@notify.command()
def test() -> None:
    """Send a test message to every place that the settings name, then edit it; the exit code is 1 where one fails.

    Example: workbench notify test
    """
    chosen = settings.load()
    made = places(chosen)
    if not made:
        raise NotFound(
            "No place is set up that findings are told at.",
            next_step="Set slack_channel, mail_to or notify_url (docs/notify.md).",
        )
    notice, well = _trial(), True
    for place in made:
        try:
            reference = place.send(notice, Delivery(1))
            place.send(replace(notice, resolved=datetime.now(UTC)), Delivery(2, reference))
            click.echo(f"ok     {place.place}: {reference}")
        except PersonError as error:
            well = False
            click.echo(f"WRONG  {place.place}: {error}")
    sys.exit(0 if well else 1)


@notify.command()
def status() -> None:
    """List what was told, and what could not be, the latest first.

    Example: workbench notify status
    """
    for each in sent.messages(assembly.journal(settings.load()).database):
        said = f"{each.revision} sent" if each.revision else "not sent"
        problem = f"  tried {each.tries} times: {each.problem}" if each.problem else ""
        click.echo(f"{each.alert_id}  {each.place}  {said}{problem}")


def _trial() -> Notice:
    """Return a notice that nobody can take for an incident."""
    return Notice(
        f"test-{os.urandom(4).hex()}-{datetime.now(UTC):%Y%m%dt%H%M%Sz}",
        "This is a test of the workbench",
        "info",
        datetime.now(UTC),
        claim="Nothing is wrong",
        suspect="nobody",
        failure_mode="test",
        confidence=1.0,
        because=("somebody ran `workbench notify test`",),
        evidence=(Reason("it arrived"),),
    )
