"""Verbs on the work that is done while nobody looks: watch, mute, grade."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import click

from workbench import assembly, settings
from workbench.desk.grades import MONTH, calibrated
from workbench.desk.poll import Poll
from workbench.desk.tell import places
from workbench.desk.watch import Watch
from workbench.graph.moments import duration
from workbench.journal import Place, outcomes, rules
from workbench.render.calibration import preview as previewed
from workbench.settings import Settings

NICE = 5
"""How far a worker beside a lab steps back, so that the lab answers."""


@click.command()
@click.option("--once", is_flag=True, help="work on what is due now, then end")
@click.option("--status", is_flag=True, help="say how the queue stands, and end")
@click.option("--preview", is_flag=True, help="say what the thresholds showed and kept quiet in 30 days, and end")
@click.option("--quiet", is_flag=True, help="list what was found and kept quiet in 30 days, and end")
@click.option("--beside", is_flag=True, hidden=True, help="end with standard input; a lab comes first")
def watch(once: bool, status: bool, preview: bool, quiet: bool, beside: bool) -> None:
    """Investigate the alerts that arrive, and write their notebooks, until interrupted.

    Any number may run on one data folder: the limits of the settings hold for all of them together.

    Example: workbench watch
    """
    chosen = settings.load()
    if not (status or preview or quiet):
        places(chosen)  # what one lacks is said now, not at the first finding
    if status:
        _tell_queue(chosen)
    elif preview:
        click.echo(previewed(calibrated(chosen)))
    elif quiet:
        _tell_quiet(chosen)
    elif once:
        if chosen.polls:
            Poll(chosen).once()
        worker = Watch(chosen, _name(0))
        while (done := worker.once()) is not None:
            _tell(done)
    else:
        _watch(chosen, beside=beside)


@click.command()
@click.argument("labels", nargs=-1, metavar="LABEL=VALUE...")
@click.option("--for", "lasting", default="", help="how long: 30m, 2h, 7d; every rule ends")
@click.option("--because", default="", help="the reason, shown beside each alert that is muted")
@click.option("--known-issue", is_flag=True, help="say that it is known, rather than planned")
@click.option("--list", "listed", is_flag=True, help="list the rules that are in force")
@click.option("--end", type=int, default=None, metavar="NUMBER", help="end a rule now")
def mute(labels: tuple[str, ...], lasting: str, because: str, known_issue: bool, listed: bool, end: int | None) -> None:
    """Keep alerts with these labels from being investigated, for a while; a value may hold `*`.

    Example: workbench mute service=checkout --for 2h --because "planned work"
    """
    journal = assembly.journal(settings.load())
    if end is not None:
        rules.end(journal.database, end, journal.now())
    elif labels and not listed:
        pairs = dict(each.partition("=")[::2] for each in labels if "=" in each)
        until = journal.now() + duration(lasting or "2h")
        kind: rules.Kind = "known-issue" if known_issue else "mute"
        named = pairs if len(pairs) == len(labels) else {}
        rules.add(journal.database, kind, named, because, now=journal.now(), until=until)
    for each in rules.active(journal.database, journal.now()):
        said = " ".join(f"{name}={value}" for name, value in each.labels.items())
        click.echo(f"{each.id}  {said}  {each.words}")


@click.command()
@click.argument("alert")
@click.argument("verdict", type=click.Choice(["right", "wrong"]))
def grade(alert: str, verdict: str) -> None:
    """Say whether what a worker found for an alert was right; `case.confirm()` in its notebook says the same.

    Example: workbench grade slow-0af1-20260131t025800z right
    """
    outcomes.grade(assembly.journal(settings.load()).database, alert, right=verdict == "right")


def _tell_quiet(chosen: Settings) -> None:
    """List quiet findings, the latest first; one in ten asks for a grade."""
    journal = assembly.journal(chosen)
    for each in reversed(outcomes.since(journal.database, journal.now() - MONTH)):
        if not each.shown:
            asked = "  grade it?" if each.offered and each.right is None else ""
            click.echo(f"{_time(each.at)}  {each.confidence:.2f}  {each.alert_id}  {each.summary}{asked}")


def _watch(chosen: Settings, *, beside: bool) -> None:
    """Let as many workers as may be under way at once work until an interrupt, or the end of the lab beside them."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if beside:
        os.nice(NICE)
        threading.Thread(target=_end_with_input, args=(stop,), daemon=True).start()
    click.echo(f"Watching {chosen.home}; interrupt to end.", err=True)
    workers = [Watch(chosen, _name(n)) for n in range(chosen.watch_at_once)]
    with ThreadPoolExecutor(len(workers) + 1, thread_name_prefix="watch") as pool:
        begun = [pool.submit(each.until, stop, _tell) for each in workers]
        if chosen.polls:
            begun.append(pool.submit(Poll(chosen).until, stop))
        for done in begun:
            done.result()


def _end_with_input(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()


def _tell(place: Place) -> None:
    click.echo(f"{_time(place.ended or place.received)}  {place.state:<12}  {place.alert_id}  {place.because}".rstrip())


def _tell_queue(chosen: Settings) -> None:
    queue = assembly.journal(chosen).queue
    click.echo(", ".join(f"{count:,} {state}" for state, count in queue.counts().items()))
    for place in queue.places()[:20]:
        _tell(place)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _name(n: int) -> str:
    """Return a name that no other worker on this journal has."""
    return f"{socket.gethostname()}:{os.getpid()}:{n}:{os.urandom(4).hex()}"
