"""Verbs of the evaluation bench: run, compare, report, calibrate."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from ontology.errors import BadInput, NotAllowed
from workbench.bench import compare as comparing
from workbench.bench import report as reporting
from workbench.bench.run import REASONERS
from workbench.bench.run import cases as cases_of
from workbench.bench.run import run as run_bench
from workbench.bench.suites import RECORDED, SUITES, held, suite


@click.group()
def bench() -> None:
    """Measure the agent on incidents whose cause is known.

    Example: workbench bench run --cases ./cases/petshop
    """


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@bench.command()
@click.option("--cases", "folders", multiple=True, required=True, type=_FOLDER, help="a case, or a folder of cases")
@click.argument("more", nargs=-1, type=_FOLDER, metavar="[DIR]...")
@click.option(
    "--suite",
    "suites",
    multiple=True,
    default=(RECORDED,),
    type=click.Choice(SUITES),
    help="the cases as recorded, their fault-free hours, or their symptom alone; may be given again",
)
@click.option("--truth", type=_FOLDER, help="folder with the answers, apart")
@click.option("--reasoner", type=click.Choice(REASONERS), default="statistical", show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="cases at a time")
@click.option("--drop-sources", "drop", type=click.FloatRange(0, 1), default=0.0, help="share of sources to take away")
@click.option("--resume", type=_FILE, help="keep outcomes in this file; run again what it lacks only")
@click.option("--memory-from", type=_FOLDER, help="learn from these cases and their answers; report with and without")
@click.option("--apart", type=click.Choice(["case", "pair"]), default="case", help="what both sides never share")
@click.option("--json", "out", type=_FILE, help="write the results as JSON")
def run(
    folders: tuple[Path, ...],
    more: tuple[Path, ...],
    suites: tuple[str, ...],
    truth: Path | None,
    reasoner: str,
    jobs: int,
    drop: float,
    resume: Path | None,
    memory_from: Path | None,
    apart: str,
    out: Path | None,
) -> None:
    """Run recorded cases through the same investigation as the notebook, and score the answers afterwards.

    Further folders may follow: --cases ONE TWO THREE.

    With --suite quiet it runs the fault-free hours around the cases instead, with --suite removed the symptom without
    evidence of a cause: what is surfaced there is false blame.

    Example: workbench bench run --cases ./cases/petshop --json results.json
    """
    from rich.console import Console
    from rich.progress import Progress

    for each in (out, resume):
        if each is not None:
            _writable(each)
    if memory_from is not None:
        _remembering((*folders, *more), memory_from, apart, truth, out)
        return
    with held(resume) as place, Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Investigating", total=None)
        found = cases_of((*folders, *more))
        results = run_bench(
            [each for name in dict.fromkeys(suites) for each in suite(name, found, place / name)],
            reasoner=reasoner,
            truth=truth,
            jobs=jobs,
            resume=resume,
            drop=drop,
            progress=lambda done, total, _: progress.update(bar, completed=done, total=total),
        )
    click.echo(reporting.table(results))
    if out is not None:
        _write(out, json.dumps(reporting.payload(results), indent=1))


def _remembering(
    folders: tuple[Path, ...], memory_from: Path, apart: str, truth: Path | None, out: Path | None
) -> None:
    """Report without and with what the closed episodes of other cases teach."""
    from workbench.bench.learned import with_and_without

    before, after = with_and_without(folders, [memory_from], apart=apart, truth=truth)
    click.echo(f"Without memory:\n{reporting.table(before)}\nWith what other cases taught, {apart}s kept apart:")
    click.echo(reporting.table(after))
    if out is not None:
        said = {"without": reporting.payload(before), "with": reporting.payload(after)}
        _write(out, json.dumps(said, indent=1))


_RUN = click.Path(exists=True, dir_okay=False, path_type=Path)


@bench.command()
@click.argument("first", type=_RUN)
@click.argument("second", type=_RUN)
def compare(first: Path, second: Path) -> None:
    """Say what got better or worse from one run to another, case by case, and whether that is more than noise.

    Example: workbench bench compare before.json after.json
    """
    click.echo(comparing.told(comparing.compared(_read(first), _read(second))))


@bench.command()
@click.argument("runs", type=_RUN, nargs=-1, required=True)
@click.option("--out", type=_FILE, default="report.html", show_default=True, help="the page to write")
def report(runs: tuple[Path, ...], out: Path) -> None:
    """Write one HTML page of one or several runs, side by side: rates with intervals, reliability, thresholds.

    Example: workbench bench report ours.json baro.json --out report.html
    """
    from workbench.bench import page

    _writable(out)
    _write(out, page.page({each.stem: _read(each) for each in runs}))
    click.echo(f"Wrote {out}.")


@bench.command()
@click.argument("runs", type=_RUN, nargs=-1, required=True)
@click.option("--target", type=click.FloatRange(0.5, 0.99), default=0.9, show_default=True, help="precision to keep")
@click.option("--keep-weights", "keep", is_flag=True, help="fit the scale alone, and leave the hand-set weights")
@click.option("--made", default="", help="what the weights are said to be fitted on")
@click.option("--out", type=_FILE, help="write weights, calibration and threshold as JSON")
def calibrate(runs: tuple[Path, ...], target: float, keep: bool, made: str, out: Path | None) -> None:
    """Fit the weights of the confidence to runs with answers; what is printed was judged without its own group.

    Example: workbench bench calibrate ours.json --target 0.9
    """
    from dataclasses import asdict

    from workbench.bench import calibrate as calibrating

    fitted = calibrating.fit(calibrating.told([_read(each) for each in runs]), target, made, keep=keep)
    click.echo(calibrating.shown(fitted))
    if out is not None:
        _writable(out)
        _write(out, json.dumps(asdict(fitted.coefficients), indent=1))


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}.", next_step="Name a file that --json wrote.") from error


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
