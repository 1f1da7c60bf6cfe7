"""The verb doctor: is everything in its place."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from ontology.errors import PersonError, Unavailable
from workbench import assembly, settings
from workbench.cli.place import writable
from workbench.graph.store import GraphStore
from workbench.journal import Journal
from workbench.settings import Settings

PACKAGES = ("ontology", "scanners", "memory", "workbench")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    what: str
    well: bool
    note: str


@click.command()
def doctor() -> None:
    """Check that everything is in its place; the exit code is 1 where something is not.

    Where a Kubernetes context is set, its API server is asked what the context may do: more than reading is wrong.

    Example: workbench doctor
    """
    checks = list(examined(settings.load()))
    for check in checks:
        click.echo(f"{'ok     ' if check.well else 'WRONG  '}{check.what}: {check.note}")
    sys.exit(0 if all(check.well for check in checks) else 1)


def examined(chosen: Settings) -> Iterator[Check]:
    """Yield the checks."""
    version = sys.version_info
    yield Check("python", version >= (3, 11), f"{version.major}.{version.minor}.{version.micro}")
    yield from (resolved(name) for name in PACKAGES)
    yield from (_installed(what, place) for what, place in _PLACES.items())
    yield _tried("data folder", lambda: str(writable(chosen.home)))
    yield _tried("journal", lambda: _whole(assembly.journal(chosen)))
    yield _tried("graph", lambda: f"{len(GraphStore.latest(chosen.home / 'graph')):,} facts")
    yield _tried("recordings", lambda: f"{len(assembly.recordings())} ship")
    if chosen.kubernetes_context:
        yield _tried("kubernetes", lambda: _reads(chosen))
    yield Check("prometheus", True, chosen.prometheus_url or "not set up: WORKBENCH_PROMETHEUS_URL names one")
    key = bool(chosen.anthropic_api_key.get_secret_value())
    yield Check("claude", True, "a key is set" if key else "no key: the statistical reasoner works alone")


def resolved(name: str) -> Check:
    """Say whether a package of ours resolves to this project, or to a stranger of the same name."""
    spec = importlib.util.find_spec(name)
    place = Path(spec.origin).parent if spec and spec.origin else None
    ours = Path(__file__).parents[2]
    if place == ours / name:
        return Check(f"package {name}", True, "ours")
    return Check(
        f"package {name}",
        False,
        f"is taken by {place}; install the workbench in an environment of its own (make install)",
    )


_PLACES = {
    "server extension": Path("etc/jupyter/jupyter_server_config.d/incident-workbench.json"),
    "lab extension": Path("share/jupyter/labextensions/incident-workbench/package.json"),
    "lab settings": Path("share/jupyter/lab/settings/overrides.d/incident-workbench.json"),
    "python kernel": Path("share/jupyter/kernels/python3/kernel.json"),
}


def _installed(what: str, place: Path) -> Check:
    there = (Path(sys.prefix) / place).is_file()
    return Check(what, there, "installed" if there else f"{place} is missing: run make install")


def _tried(what: str, look: Callable[[], str]) -> Check:
    try:
        note = look()
    except PersonError as error:
        return Check(what, False, str(error))
    return Check(what, True, note)


def _reads(chosen: Settings) -> str:
    """Return what the context of the settings may do."""
    more = assembly.kubernetes_rights(chosen)
    return f"{chosen.kubernetes_context} may " + (f"also {more}, as it is meant" if more else "read, and nothing else")


def _whole(journal: Journal) -> str:
    found = journal.check()
    if found != "ok":
        path = journal.database.path
        raise Unavailable(
            f"{path} is damaged: {found}.", next_step=f"Save what can be read (sqlite3 {path} .recover), then move it."
        )
    return f"whole, {len(journal.alerts())} alerts"
