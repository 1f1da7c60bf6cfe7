"""A Jupyter server in this process with our routes, and a small honest backend behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403  # its fixtures, for this folder only

from ontology.errors import PersonError
from ontology.nouns import Alert
from workbench.graph.owner import Owner
from workbench.intake.alertmanager import Delivery
from workbench.server.backend import Desk
from workbench.server.graph import Graph
from workbench.server.routes import add_routes

TOKEN = "a-token-of-the-graph-0123456789"
SECRET = "a-secret-of-the-webhook-0123456789"


@dataclass
class Backend:
    """Keeps alerts in a dictionary and makes empty notebooks in a folder."""

    folder: Path
    kept: dict[str, Alert] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    heard: list[Path] = field(default_factory=list)
    refusal: PersonError | None = None
    """Raised by every call, as a backend whose disk is full would."""
    stands: dict[str, Any] = field(default_factory=dict)
    """What the status is."""

    def receive(self, delivery: Delivery) -> None:
        self._answer()
        self.kept.update({each.id: each for each in delivery.alerts})

    def alert(self, alert_id: str) -> Alert | None:
        self._answer()
        return self.kept.get(alert_id)

    def notebook_of(self, alert: Alert) -> Path | None:
        path = self.folder / f"{alert.id}.ipynb"
        return path if path.exists() else None

    def create(self, alert: Alert) -> Path:
        path = self.folder / f"{alert.id}.ipynb"
        if not path.exists():
            path.write_text("{}")
            self.created.append(alert.id)
        return path

    def opened(self, alert: Alert) -> None:
        self._answer()

    def saved(self, path: Path) -> None:
        self.heard.append(path)

    def read(self, path: Path) -> None:
        self._answer()

    def status(self) -> dict[str, Any]:
        self._answer()
        return self.stands

    def usage(self, days: int) -> dict[str, Any]:
        self._answer()
        return {"days": days}

    def _answer(self) -> None:
        if self.refusal is not None:
            raise self.refusal


@dataclass
class Hook:
    """What can be changed while the server runs: its secrets."""

    secret: str = SECRET
    secrets: dict[str, str] = field(default_factory=dict)
    """Of the other senders, by name."""


@pytest.fixture
def hook() -> Hook:
    return Hook()


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    """The graph of a data folder, as the handlers call it; opened at the first request."""
    owner = Owner(tmp_path / "home" / "graph")
    made = Graph(lambda: owner)
    made.token = TOKEN
    yield made
    owner.close()


@pytest.fixture
def backend(jp_serverapp, jp_root_dir, hook: Hook, graph: Graph) -> Backend:
    """The backend of a running server that has our routes."""
    own = Backend(Path(jp_root_dir))
    desk = Desk(lambda: own, lambda: hook.secret, Path(jp_root_dir), lambda sender: hook.secrets.get(sender, ""))
    add_routes(jp_serverapp.web_app, desk, graph)
    return own
