"""Verbs that break the live estate on purpose: chaos list, chaos run, chaos check."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from ontology.errors import PersonError

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def chaos() -> None:
    """Break the live estate on purpose, and record what its telemetry showed.

    Example: workbench chaos run --fault lock-ledger --record ./cases
    """


@chaos.command("list")
@click.option("--json", "as_json", is_flag=True, help="print the faults as JSON")
def list_(as_json: bool) -> None:
    """List the faults: who is at fault, how, and what must be felt.

    Example: workbench chaos list
    """
    from workbench.bench.estate import chaos as acts
    from workbench.render.markup import columns

    lines = acts.listed()
    if as_json:
        click.echo(json.dumps(lines, indent=1))
        return
    shown = ("fault", "family", "entity", "failure_mode", "mechanism")
    click.echo(columns([tuple(each[name] for name in shown) for each in lines], shown, most=70))


@chaos.command()
@click.option("--fault", "names", multiple=True, required=True, help="name of a fault; may be given several times")
@click.argument("more", nargs=-1, metavar="[NAME]...")
@click.option("--record", "out", required=True, type=FOLDER, help="folder that gets the folder of each case")
@click.option("--truth", type=FOLDER, help="folder that gets the answers; default: `truth` beside the folder")
@click.option("--names", "called", type=click.Choice(["plain", "shuffled"]), default="plain", show_default=True)
@click.option("--seed", default=1, show_default=True, help="for what is left to chance")
def run(names: tuple[str, ...], more: tuple[str, ...], out: Path, truth: Path | None, called: str, seed: int) -> None:
    """Start the estate, make each fault in turn, and record it as a case.

    Further faults may follow: --fault ONE TWO THREE. A case takes about three minutes.

    Example: workbench chaos run --fault lock-ledger --record ./cases
    """
    from workbench.bench.estate import chaos as acts

    answers = truth or (out / "truth" if called == "shuffled" else out.parent / "truth")
    problems = acts.run((*names, *more), out, answers, seed=seed, hidden=called == "shuffled", say=_say)
    if problems:
        _say(f"{len(problems)} could not be recorded: {', '.join(problems)}")
        sys.exit(1)


@chaos.command()
def check() -> None:
    """Start the estate, record three faults, replay them, take it down; exit 1 says which step failed.

    Example: workbench chaos check
    """
    from workbench.bench.estate import chaos as acts

    try:
        acts.check(say=_say)
    except PersonError as error:
        click.echo(f"{error.problem}\n  Next: {error.next_step}", err=True)
        sys.exit(1)


def _say(text: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)
