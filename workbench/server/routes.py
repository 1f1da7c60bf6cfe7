"""Which address leads to which handler."""

from __future__ import annotations

from jupyter_server.utils import url_path_join
from tornado.web import Application

from workbench.server.api import Description, Metrics, Status, Usage
from workbench.server.backend import Desk
from workbench.server.graph import Graph, Handing, Sparql
from workbench.server.health import Health
from workbench.server.open import Open
from workbench.server.webhook import AlertmanagerWebhook, SenderWebhook


def add_routes(app: Application, desk: Desk, graph: Graph) -> None:
    """Add the workbench's routes below the server's base address."""
    base = url_path_join(app.settings["base_url"], "workbench")
    given, held = {"desk": desk}, {"graph": graph}
    app.add_handlers(
        ".*$",
        [
            (url_path_join(base, "open", "(.*)"), Open, given),
            (url_path_join(base, "hooks", "alertmanager"), AlertmanagerWebhook, given),
            (url_path_join(base, "hooks", "([a-z]+)"), SenderWebhook, given),
            (url_path_join(base, "healthz"), Health, given),
            (url_path_join(base, "metrics"), Metrics, given),
            (url_path_join(base, "api", "status"), Status, given),
            (url_path_join(base, "api", "usage"), Usage, given),
            (url_path_join(base, "api", "openapi.json"), Description, given),
            (url_path_join(base, "sparql"), Sparql, held),
            (url_path_join(base, "graph", "([a-z]+)"), Handing, held),
        ],
    )
