"""The command line: `workbench <verb>`; every verb's `--help` shows an example.

Lives here: a file for each group of verbs (`demo`, `cases`, `estate`, `remember`, `benchmark`, `doctor`), and the one
place where an error becomes a sentence and an exit code.

May import: everything in the workbench; nothing imports it.

To add a verb: a click command in the file of its group, named in `VERBS`.
"""

from __future__ import annotations

import sys

import click

from ontology.errors import PersonError
from workbench.cli import benchmark, cases, demo, doctor, estate, remember

VERBS: tuple[click.Command, ...] = (
    demo.demo,
    demo.lab,
    cases.open_,
    cases.investigate,
    estate.scan,
    estate.query,
    remember.episodes,
    benchmark.bench,
    doctor.doctor,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="show the traceback of an error")
@click.version_option(package_name="incident-workbench")
def workbench(debug: bool) -> None:
    """Investigate a production incident, together with an agent.

    The data folder is WORKBENCH_HOME (default: the platform's place for an application's data).

    Example: workbench demo
    """
    sys.tracebacklimit = 1000 if debug else 0


for _verb in VERBS:
    workbench.add_command(_verb)


def main() -> None:
    """Run the command line; an error becomes a sentence with the next step and an exit code that is not 0."""
    debug = "--debug" in sys.argv
    try:
        workbench(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PersonError as error:
        if debug:
            raise
        click.echo(f"{error.problem}\n  Next: {error.next_step}", err=True)
        sys.exit(2)
    except Exception as error:  # the last place before the person: anything else is our own mistake, said so
        if debug:
            raise
        click.echo(
            f"Unexpected {type(error).__name__}: {error}\n  Next: run it again with --debug and report it.", err=True
        )
        sys.exit(1)
