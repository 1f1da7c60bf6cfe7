"""The command line: `workbench <verb>`; every verb's `--help` shows an example.

Lives here: a file for each group of verbs (`demo`, `cases`, `estate`, `history`, `remember`, `benchmark`, `doctor`),
and the one place where an error becomes a sentence and an exit code.

May import: everything in the workbench; nothing imports it.

To add a verb: a click command in the file of its group, named in `VERBS`.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from ontology.errors import PersonError

VERBS = {
    "demo": "workbench.cli.demo:demo",
    "lab": "workbench.cli.demo:lab",
    "open": "workbench.cli.cases:open_",
    "investigate": "workbench.cli.cases:investigate",
    "watch": "workbench.cli.watch:watch",
    "mute": "workbench.cli.watch:mute",
    "grade": "workbench.cli.watch:grade",
    "notify": "workbench.cli.notify:notify",
    "trust": "workbench.cli.trust:trust",
    "calibration": "workbench.cli.calibration:calibration",
    "status": "workbench.cli.status:status",
    "usage": "workbench.cli.status:usage",
    "scan": "workbench.cli.estate:scan",
    "query": "workbench.cli.estate:query",
    "graph": "workbench.cli.history:graph",
    "episodes": "workbench.cli.remember:episodes",
    "bench": "workbench.cli.benchmark:bench",
    "chaos": "workbench.cli.chaos:chaos",
    "estate": "workbench.cli.live_estate:estate",
    "doctor": "workbench.cli.doctor:doctor",
}
DEBUG = "--debug"


class Verbs(click.Group):
    """Imports a verb's file when the verb is named, so that none pays for what another one needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which a person meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb, or None where there is no such."""
        module, _, name = VERBS.get(cmd_name, "").partition(":")
        command: click.Command | None = getattr(import_module(module), name) if module else None
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(DEBUG, is_flag=True, help="show the traceback of an error; may stand anywhere")
@click.version_option(package_name="incident-workbench")
def workbench(debug: bool) -> None:
    """Investigate a production incident, together with an agent.

    The data folder is WORKBENCH_HOME (default: the platform's place for an application's data).

    Example: workbench demo
    """


def main() -> None:
    """Run the command line; an error becomes a sentence with the next step and an exit code that is not 0."""
    words = sys.argv[1:]
    try:
        workbench([word for word in words if word != DEBUG], prog_name="workbench", standalone_mode=False)
    except click.Abort:
        click.echo("Stopped; what was known is kept.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PersonError as error:
        if DEBUG in words:
            raise
        click.echo(f"{error.problem}\n  Next: {error.next_step}", err=True)
        sys.exit(2)
    except Exception as error:  # the last place before the person: anything else is our own mistake, said so
        if DEBUG in words:
            raise
        click.echo(
            f"Unexpected {type(error).__name__}: {error}\n  Next: run it again with {DEBUG} and report it.", err=True
        )
        sys.exit(1)
