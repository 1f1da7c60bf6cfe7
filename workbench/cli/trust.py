"""The verb that says how far each service is trusted, and by which a person raises or lowers that."""

from __future__ import annotations

import click

from memory.track_record import TrackRecord
from ontology.errors import BadInput
from workbench import assembly, settings
from workbench.desk.trust import Standing, standing, standings
from workbench.journal import trust as levels
from workbench.nouns import Level
from workbench.render.markup import columns


@click.command()
@click.argument("service", default="")
@click.argument("level", type=click.Choice([str(each) for each in Level]), required=False)
@click.option("--by", "who", default="", help="who sets it; kept with the time")
def trust(service: str, level: str | None, who: str) -> None:
    """List how far each service is trusted, with how often we were right about it; or set the level of one.

    narrow ranks suspects, diagnose names causes, propose writes a change as well. A level rises only when a person
    says yes to the track record that is shown; lowering it is always allowed.

    Example: workbench trust payment propose --by "Ada Brook"
    """
    chosen = settings.load()
    if level is None:
        held = [standing(service, chosen)] if service else standings(chosen)
        click.echo(columns(map(_row, held), _HEAD) if held else "Nothing was graded yet; every service is at diagnose.")
        return
    if not who.strip():
        raise BadInput("A level is set by a person.", next_step=f'workbench trust {service} {level} --by "your name"')
    now, wanted = standing(service, chosen), Level(level)
    if wanted.rank > now.level.rank:
        click.echo(f"{service}: {_said(now.record)}.")
        click.confirm(f"Raise {service} from {now.level} to {wanted}?", abort=True)
    journal = assembly.journal(chosen)
    levels.say(journal.database, service, wanted, who, journal.now())
    click.echo(f"{service} is at {wanted} now, set by {who.strip()}; it was at {now.level}.")


_HEAD = ("service", "level", "set by", "graded", "right", "expected share right, 95 %")


def _row(each: Standing) -> tuple[object, ...]:
    by = f"{each.set_by.who}, {each.set_by.at:%Y-%m-%d %H:%M}" if each.set_by else "the settings or the default"
    return (each.service, each.level, by, each.record.graded, each.record.right, _share(each.record))


def _said(record: TrackRecord) -> str:
    if not record.graded:
        return "nothing was graded here yet"
    return f"{record.right} of {record.graded} graded were right, expected share {_share(record)}"


def _share(record: TrackRecord) -> str:
    low, high = record.interval
    return f"{record.mean:.2f} ({low:.2f} to {high:.2f})"
