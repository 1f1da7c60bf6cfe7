"""The verb that says how sure findings were, and how often that was right."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from workbench import settings
from workbench.desk.grades import MONTH, calibrated
from workbench.render.calibration import document, told


@click.command()
@click.option("--days", type=click.IntRange(1), default=MONTH.days, show_default=True, help="how far back to preview")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="write the curve and a slider as a page")
def calibration(days: int, html: Path | None) -> None:
    """Say how sure findings were and how often that was right, and what thresholds showed and kept quiet.

    Example: workbench calibration --html calibration.html
    """
    known, span = calibrated(settings.load(), timedelta(days=days)), f"last {days} days"
    click.echo(told(known, span))
    if html is not None:
        try:
            html.write_text(document(known, span), encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"{html} cannot be written: {error.strerror}.") from error
        click.echo(f"Wrote {html}.")
