"""Verbs that start JupyterLab: demo, lab."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from pathlib import Path

import click

from memory.protocol import Episode
from ontology.errors import Unavailable
from ontology.nouns import Alert
from workbench import assembly, settings
from workbench.desk import Desk
from workbench.desk.door import keep_recorded, take_up
from workbench.desk.prepare import backend
from workbench.notebook import document
from workbench.settings import Settings


@click.command()
@click.option("--headless", is_flag=True, help="run the incident's notebook through without a browser")
@click.option("--incident", default="", metavar="NAME", help="which recording to open; default: the first")
@click.option("--port", default=8888, show_default=True, help="where JupyterLab listens, on loopback")
@click.option("--no-browser", is_flag=True, help="print the link only")
def demo(headless: bool, incident: str, port: int, no_browser: bool) -> None:
    """Open a recorded incident in JupyterLab.

    Example: workbench demo --headless
    """
    chosen = settings.load()
    alert = keep_recordings(chosen, incident)
    path = backend(chosen).create(alert)
    if headless:
        run_through(path, alert, chosen)
        return
    click.echo(f"The incident {alert.title} is ready: {path}")
    start_lab(chosen, f"/workbench/open/{alert.id}", port, browser=not no_browser)


@click.command()
@click.option("--port", default=8888, show_default=True, help="where JupyterLab listens, on loopback")
@click.option("--no-browser", is_flag=True, help="print the link only")
def lab(port: int, no_browser: bool) -> None:
    """Start JupyterLab on the incident notebooks.

    Example: workbench lab --no-browser
    """
    start_lab(settings.load(), "/lab", port, browser=not no_browser)


def keep_recordings(chosen: Settings, incident: str) -> Alert:
    """Write the alerts of the shipped recordings to the journal; return the one asked for, or the first."""
    names = list(assembly.recordings())
    wanted = incident or names[0]
    kept = {name: keep_recorded(name, chosen) for name in dict.fromkeys((*names, wanted))}
    return kept[wanted]


def run_through(path: Path, alert: Alert, chosen: Settings) -> None:
    """Execute the notebook as JupyterLab would, write it, and say what came of it."""
    from nbclient import NotebookClient

    notebook = document.read(path)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    with click.progressbar(length=cells, label="Running the notebook", file=sys.stderr) as bar:
        NotebookClient(
            notebook,
            timeout=300,
            resources={"metadata": {"path": str(path.parent)}},
            store_widget_state=False,
            extra_arguments=["--IPKernelApp.log_level=40"],  # its warning about loopback TCP is not for the reader
            on_cell_executed=lambda **_: bar.update(1),
        ).execute()
    document.write(path, notebook)
    backend(chosen).saved(path)
    desk = take_up(alert.id, chosen)
    episode = assembly.memory(chosen).show(desk.case.id)
    click.echo(f"Notebook: {path}")
    click.echo(_verdict(desk, episode))


def _verdict(desk: Desk, episode: Episode) -> str:
    shown = [finding for finding in desk.case.findings if finding.surfaced]
    if not shown:
        return f"Verdict:  nothing sure ({desk.case.ended}); the episode is saved as {episode.verdict}"
    best = shown[0]
    return (
        f"Verdict:  {best.summary} (confidence {best.confidence.value:.2f}); the episode is saved as {episode.verdict}"
    )


def free(port: int, tries: int = 50) -> int:
    """Return the first port from this one on that nobody listens on, on loopback.

    Raises:
        Unavailable: none of them is free.
    """
    for each in range(port, min(port + tries, 2**16)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", each))
                return each
    raise Unavailable(f"No port from {port} on is free.", next_step="Name another one with --port.")


def start_lab(chosen: Settings, address: str, port: int, *, browser: bool) -> None:
    """Become JupyterLab, on loopback, with the notebooks folder as its root."""
    root = chosen.notebooks_folder
    root.mkdir(parents=True, exist_ok=True)
    port = free(port)
    click.echo(f"Link: http://127.0.0.1:{port}{address}  (JupyterLab prints it with its token below)")
    sys.stdout.flush()
    arguments = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",  # another port than the one in the link would be a lie
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.default_url={address}",
        f"--LabApp.default_url={address}",
        *([] if browser else ["--no-browser"]),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    os.execv(sys.executable, arguments)  # noqa: S606  # our own interpreter, no shell
