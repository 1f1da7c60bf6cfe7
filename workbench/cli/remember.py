"""Verbs on what is remembered: episodes list, show, forget."""

from __future__ import annotations

import json
import sys

import click

from memory.protocol import Episode
from workbench import assembly, settings


@click.group()
def episodes() -> None:
    """List, show or forget episodes.

    Example: workbench episodes list --format json
    """


@episodes.command("list")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def list_(form: str) -> None:
    """List what is remembered, latest first.

    Example: workbench episodes list
    """
    memory = assembly.memory(settings.load())
    found, damaged = memory.episodes(), memory.damaged()
    if form == "json":
        click.echo(json.dumps([_row(each) for each in found], indent=1))
    elif not found:
        click.echo("Nothing is remembered yet. Save a case: case.save() in its notebook.")
    else:
        for each in found:
            cause = each.cause.name if each.cause else "no cause named"
            click.echo(f"{each.closed:%Y-%m-%d %H:%M}  {each.verdict:<10}  {cause}: {each.failure_mode}  {each.id}")
    for problem in damaged:
        click.echo(f"{problem.problem}\n  Next: {problem.next_step}", err=True)
    sys.exit(2 if damaged else 0)


@episodes.command()
@click.argument("episode")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def show(episode: str, form: str) -> None:
    """Show an episode.

    Example: workbench episodes show case-checkoutlatencyhigh-3f2a-20260101t030000z
    """
    found = assembly.memory(settings.load()).show(episode)
    if form == "json":
        click.echo(json.dumps(_row(found), indent=1))
        return
    for name, value in _row(found).items():
        click.echo(f"{name:<13} {', '.join(map(str, value)) if isinstance(value, list) else value}")


@episodes.command()
@click.argument("episode")
@click.confirmation_option("--yes", prompt="Forget this episode and its notebook's copy?")
def forget(episode: str) -> None:
    """Forget an episode.

    Example: workbench episodes forget case-… --yes
    """
    assembly.memory(settings.load()).forget(episode)
    click.echo(f"Forgotten: {episode}")


def _row(episode: Episode) -> dict[str, object]:
    return {
        "id": episode.id,
        "alert": episode.alert.id,
        "title": episode.alert.title,
        "closed": episode.closed.isoformat(),
        "verdict": str(episode.verdict),
        "cause": episode.cause.name if episode.cause else None,
        "failure_mode": episode.failure_mode,
        "claim": episode.claim,
        "remedy": episode.remedy,
        "confidence": episode.confidence,
        "ruled_out": list(episode.ruled_out),
        "notebook": episode.notebook,
    }
