"""Verbs of the evaluation bench: bench run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from ontology.errors import NotAllowed
from workbench.bench import report
from workbench.bench.run import run as run_bench


@click.group()
def bench() -> None:
    """Measure the agent on incidents whose cause is known.

    Example: workbench bench run --cases ./cases/petshop
    """


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@bench.command()
@click.option("--cases", "folders", multiple=True, required=True, type=_FOLDER, help="a case, or a folder of cases")
@click.argument("more", nargs=-1, type=_FOLDER, metavar="[DIR]...")
@click.option("--truth", type=_FOLDER, help="folder with the answers, apart")
@click.option("--reasoner", type=click.Choice(["statistical"]), default="statistical", show_default=True)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), help="write the results as JSON")
def run(folders: tuple[Path, ...], more: tuple[Path, ...], truth: Path | None, reasoner: str, out: Path | None) -> None:
    """Run recorded cases through the same investigation as the notebook, and score the answers afterwards.

    Further folders may follow: --cases ONE TWO THREE.

    Example: workbench bench run --cases ./cases/petshop --json results.json
    """
    from rich.console import Console
    from rich.progress import Progress

    if out is not None:
        _writable(out)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Investigating", total=None)
        results = run_bench(
            (*folders, *more),
            reasoner=reasoner,
            truth=truth,
            progress=lambda done, total, _: progress.update(bar, completed=done, total=total),
        )
    click.echo(report.table(results))
    if out is not None:
        _write(out, json.dumps(report.payload(results), indent=1))


def _writable(path: Path) -> None:
    """Refuse, before the long work, a place where its results would be lost."""
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise NotAllowed(f"{path} cannot be written.", next_step="Name another file in --json.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotAllowed(
            f"{path} cannot be written: {error.strerror}.",
            next_step="Copy the table above; name another file in --json.",
        ) from error
