"""Verbs on the work that is done while nobody looks: watch, mute."""

from __future__ import annotations

import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import click

from workbench import assembly, settings
from workbench.desk.watch import Watch
from workbench.graph.moments import duration
from workbench.journal import Place, rules
from workbench.settings import Settings


@click.command()
@click.option("--once", is_flag=True, help="work on what is due now, then end")
@click.option("--status", is_flag=True, help="say how the queue stands, and end")
def watch(once: bool, status: bool) -> None:
    """Investigate the alerts that arrive, and write their notebooks, until interrupted.

    Any number may run on one data folder: the limits of the settings hold for all of them together.

    Example: workbench watch
    """
    chosen = settings.load()
    if status:
        _tell_queue(chosen)
    elif once:
        worker = Watch(chosen, _name(0))
        while (done := worker.once()) is not None:
            _tell(done)
    else:
        _watch(chosen)


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


def _watch(chosen: Settings) -> None:
    """Let as many workers as may be under way at once work until an interrupt."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    click.echo(f"Watching {chosen.home}; interrupt to end.", err=True)
    workers = [Watch(chosen, _name(n)) for n in range(chosen.watch_at_once)]
    with ThreadPoolExecutor(len(workers), thread_name_prefix="watch") as pool:
        for done in [pool.submit(each.until, stop, _tell) for each in workers]:
            done.result()


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
