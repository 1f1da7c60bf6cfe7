"""Verbs on the shop that runs here and is broken on purpose: estate up, down, status."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ontology.errors import NotAllowed, NotFound, Unavailable
from workbench import settings
from workbench.cli.place import writable
from workbench.render.markup import columns
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.bench.estate.running import Estate

PATIENCE = 60.0
"""Seconds that it may take to end."""
LOOK = 2.0
"""Seconds between two looks at what fires."""


@click.group()
def estate() -> None:
    """Run a small shop of twelve services on this machine, to investigate and to break.

    Example: workbench estate up
    """


@estate.command()
@click.option("--users", default=12, show_default=True, type=click.IntRange(0, 500), help="so many visit it")
@click.option("--seed", default=1, show_default=True, help="decides what chance there is")
@click.option("--folder", type=click.Path(path_type=Path), help="where it lies, kept afterwards; default: temporary")
@click.option(
    "--shop", type=click.Path(exists=True, path_type=Path), help="run another shop: a folder with a compose file"
)
@click.option("--webhook", default="", metavar="URL", help="where Alertmanager sends alerts: the workbench's intake")
@click.option("--chat", default="", metavar="URL", help="an incoming webhook as Slack's: gets each alert's link")
@click.option("--for", "seconds", default=0.0, metavar="SECONDS", help="end by itself after so long")
@click.option("--json", "as_json", is_flag=True, help="print ports, links and settings as JSON")
def up(
    users: int,
    seed: int,
    folder: Path | None,
    shop: Path | None,
    webhook: str,
    chat: str,
    seconds: float,
    as_json: bool,
) -> None:
    """Start the shop, say where everything is, and stay until Ctrl-C or `workbench estate down`.

    The webhook is sent WORKBENCH_WEBHOOK_SECRET as its bearer.

    Example: workbench estate up --webhook http://127.0.0.1:8888/workbench/hooks/alertmanager
    """
    from workbench.bench.estate.compose import SHOP
    from workbench.bench.estate.running import Estate
    from workbench.bench.estate.servers import Notified

    chosen = settings.load()
    told = Notified(webhook, chosen.webhook_secret.get_secret_value() if webhook else "", chat)
    with _alone(chosen) as note, _ended_by_signal():
        began = time.monotonic()
        click.echo("Starting the shop...", err=True)
        with Estate.up(folder, seed, users, shop=shop or SHOP, told=told) as running:
            said = described(running) | {"seconds": round(time.monotonic() - began, 1), "link": told.link}
            note.write_text(json.dumps(said | _ourselves()))
            click.echo(json.dumps(said, indent=1) if as_json else in_words(said))
            sys.stdout.flush()
            _stay(running, seconds, told.link, quiet=as_json)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # we are at it


@estate.command()
def down() -> None:
    """End the shop that `workbench estate up` started, from another terminal.

    Example: workbench estate down
    """
    chosen = settings.load()
    said = _noted(chosen)
    os.kill(int(said["pid"]), signal.SIGTERM)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            _noted(chosen)  # it takes its note away when all has ended
        except NotFound:
            click.echo("The shop is down.")
            return
        time.sleep(0.1)
    raise Unavailable(
        f"The shop did not end within {PATIENCE:.0f} s.",
        next_step=f"End it: kill -KILL {said['pid']}; nothing is left.",
    )


@estate.command()
@click.option("--json", "as_json", is_flag=True, help="print it as JSON")
def status(as_json: bool) -> None:
    """Say how the shop is: which services answer, what fires.

    Example: workbench estate status
    """
    said = _noted(settings.load())
    health = {name: _answers(f"{each['url']}/health") for name, each in said["services"].items()}
    firing = list(_firing(said["alertmanager"]))
    if as_json:
        click.echo(json.dumps({**said, "answers": health, "firing": firing}, indent=1))
        return
    rows = [(name, "answers" if well else "DOES NOT ANSWER", said["services"][name]["url"]) for name, well in
            health.items()]  # fmt: skip
    click.echo(columns(rows, ("service", "is", "address")))
    for each in firing:
        click.echo(_fires(each, said.get("link", "")))
    click.echo(f"{len(firing)} alerts fire." if firing else "No alert fires.")


def described(running: Estate) -> dict[str, Any]:
    """Return where everything of an estate is."""
    pids = running.pids()
    return {
        "folder": str(running.folder),
        "services": {name: {"url": running.url(name), "pid": pids.get(name)} for name in running.services},
        "prometheus": running.prometheus_url,
        "alertmanager": running.alertmanager_url,
        "beside": {name: pid for name, pid in pids.items() if name not in running.services},
        "settings": running.settings(),
    }


def in_words(said: Mapping[str, Any]) -> str:
    """Return that for a person."""
    services = said["services"]
    rows = [(name, each["url"], str(each["pid"])) for name, each in services.items()]
    rows += [("prometheus", said["prometheus"], ""), ("alertmanager", said["alertmanager"], "")]
    exports = "\n".join(f"  export {name}='{value}'" for name, value in said["settings"].items())
    return (
        f"The shop runs: {len(services)} services, up in {said['seconds']} s, below {said['folder']}.\n"
        f"{columns(rows, ('name', 'address', 'process'))}\n"
        f"Point the workbench at it:\n{exports}\n"
        "It ends with Ctrl-C, or with: workbench estate down"
    )


def _stay(running: Estate, seconds: float, link: str, *, quiet: bool) -> None:
    """Wait until it is time, and say what fires meanwhile."""
    until, known = time.monotonic() + seconds, set[str]()
    while not seconds or time.monotonic() < until:
        time.sleep(min(LOOK, max(0.0, until - time.monotonic())) if seconds else LOOK)
        for each in () if quiet else _firing(running.alertmanager_url):
            if each["id"] not in known:
                click.echo(_fires(each, link))
                known.add(each["id"])


def _firing(address: str) -> Iterator[dict[str, str]]:
    """Yield what Alertmanager holds, each with the id that the workbench knows it by."""
    from workbench.intake import alertmanager

    with suppress(OSError), urllib.request.urlopen(f"{address}/api/v2/alerts?active=true", timeout=5) as reply:  # noqa: S310
        for entry in json.loads(reply.read()):
            alert = alertmanager.alert(entry)
            yield {"id": alert.id, "title": alert.title, "service": alert.labels.get("service", "")}


def _fires(alert: Mapping[str, str], link: str) -> str:
    opens = f"{link}/workbench/open/{alert['id']}" if link else f"workbench open {alert['id']}"
    return f"{alert['title']} fires at {alert['service'] or 'the estate'}: {opens}"


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=3):  # noqa: S310  # loopback
            return True
    except OSError:
        return False


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end us as Ctrl-C does: in good order."""

    def end(*_: object) -> None:
        raise click.Abort

    before = {each: signal.signal(each, end) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _alone(chosen: Settings) -> Iterator[Path]:
    """Give the note of the estate of this data folder, which is gone afterwards.

    Raises:
        NotAllowed: one runs already.
    """
    note = writable(chosen.home) / "estate.json"
    with suppress(NotFound):
        said = _noted(chosen)
        raise NotAllowed(f"The shop runs already (process {said['pid']}).", next_step="workbench estate down")
    try:
        yield note
    finally:
        note.unlink(missing_ok=True)


def _ourselves() -> dict[str, float]:
    import psutil

    us = psutil.Process()
    return {"pid": us.pid, "began": us.create_time()}


def _noted(chosen: Settings) -> dict[str, Any]:
    """Return what is noted of the estate that runs.

    Raises:
        NotFound: none runs.
    """
    import psutil

    with suppress(OSError, ValueError, psutil.Error):
        said: dict[str, Any] = json.loads((chosen.home / "estate.json").read_text())
        if psutil.Process(int(said["pid"])).create_time() == said["began"]:
            return said
    raise NotFound("The shop does not run.", next_step="workbench estate up")
