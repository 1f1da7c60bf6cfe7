"""Verbs of the evaluation bench: bench run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from workbench.bench import report
from workbench.bench.run import run as run_bench


@click.group()
def bench() -> None:
    """Measure the agent on incidents whose cause is known.

    Example: workbench bench run --cases ./cases/petshop
    """


@bench.command()
@click.option(
    "--cases", "folders", multiple=True, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--truth", type=click.Path(exists=True, file_okay=False, path_type=Path), help="folder with the answers, apart"
)
@click.option("--reasoner", type=click.Choice(["statistical"]), default="statistical", show_default=True)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), help="write the results as JSON")
def run(folders: tuple[Path, ...], truth: Path | None, reasoner: str, out: Path | None) -> None:
    """Run recorded cases through the same investigation as the notebook, and score the answers afterwards.

    Example: workbench bench run --cases ./cases/petshop --json results.json
    """
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Investigating", total=None)
        results = run_bench(
            folders,
            reasoner=reasoner,
            truth=truth,
            progress=lambda done, total, _: progress.update(bar, completed=done, total=total),
        )
    if out is not None:
        out.write_text(json.dumps(report.payload(results), indent=1), encoding="utf-8")
    click.echo(report.table(results))
