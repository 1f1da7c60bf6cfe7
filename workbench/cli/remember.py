"""Verbs on what is remembered: episodes list, show, search, forget, export; chat threads, and the drafts of them."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from memory.drafts import DraftShelf, accepted
from memory.protocol import Episode
from memory.threads import Draft, drafted
from memory.threads import read as read_thread
from ontology.errors import NotAllowed
from workbench import assembly, settings
from workbench.telemetry.redact import process_redactor


@click.group()
def episodes() -> None:
    """List, show, search, forget or export episodes; take in chat threads.

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


@episodes.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--most", type=click.IntRange(1), default=10, show_default=True)
def search(words: tuple[str, ...], most: int) -> None:
    """Find episodes by the meaning of words.

    Example: workbench episodes search connection pool exhausted
    """
    from memory.meaning import alike  # late: the model takes a second

    found = assembly.memory(settings.load()).episodes()
    texts = [f"{each.alert.title}. {each.alert.summary} {each.claim} {each.remedy}" for each in found]
    near = sorted(zip(alike(" ".join(words), texts), found, strict=True), key=lambda pair: -pair[0])[:most]
    for value, each in near:
        click.echo(
            f"{value:5.2f}  {each.closed:%Y-%m-%d %H:%M}  {each.alert.title}: {each.claim or 'no cause'}  {each.id}"
        )
    if not near:
        click.echo("Nothing is remembered yet. Save a case: case.save() in its notebook.")


@episodes.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, metavar="[EPISODE]...")
def export(folder: Path, names: tuple[str, ...]) -> None:
    """Copy episodes, all by default, into a folder, as files that git keeps: record, RDF, notebook.

    Example: workbench episodes export ./team-memory
    """
    memory = assembly.memory(settings.load())
    chosen = [memory.show(name).id for name in names] or [each.id for each in memory.episodes()]
    try:
        for name in chosen:
            shutil.copytree(memory.root / name, folder / name, dirs_exist_ok=True)
    except OSError as error:
        raise NotAllowed(f"{folder} cannot be written: {error}.", next_step="Name another folder.") from error
    click.echo(f"Wrote {len(chosen)} episode{'s' * (len(chosen) != 1)} to {folder}.")


@episodes.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def thread(path: Path) -> None:
    """Draft an episode of a chat thread: a Slack export (JSON), Markdown or text; it waits until it is accepted.

    Example: workbench episodes thread ./incident-42.json
    """
    draft = drafted(read_thread(path, process_redactor().text))
    _drafts().keep(path.stem, draft)
    _tell(draft)
    click.echo(f"Nothing is remembered yet. To remember it: workbench episodes accept {path.stem}")


@episodes.command()
def drafts() -> None:
    """List the drafts that wait for a person.

    Example: workbench episodes drafts
    """
    waiting = _drafts().waiting()
    for name in waiting:
        click.echo(name)
    if not waiting:
        click.echo("No draft waits.")


@episodes.command()
@click.argument("draft")
def accept(draft: str) -> None:
    """Remember a draft as an episode, with the message that each statement comes from.

    Example: workbench episodes accept incident-42
    """
    shelf = _drafts()
    episode = accepted(draft, shelf.show(draft), datetime.now(UTC))
    assembly.memory(settings.load()).remember(episode)
    shelf.drop(draft)
    click.echo(f"Remembered: {episode.id}")


@episodes.command()
@click.argument("draft")
def reject(draft: str) -> None:
    """Drop a draft.

    Example: workbench episodes reject incident-42
    """
    shelf = _drafts()
    shelf.show(draft)
    shelf.drop(draft)
    click.echo(f"Dropped: {draft}")


def _drafts() -> DraftShelf:
    return DraftShelf(settings.load().home / "drafts")


def _tell(draft: Draft) -> None:
    click.echo(f"Made by {draft.made_by}.")
    for each in draft.statements:
        click.echo(f"{each.kind:<9} {each.text.splitlines()[0]}  [{each.who}, {each.message}]")


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
