"""Server: the Jupyter Server extension, thin: the alert link and the alert webhook.

Lives here: what the handlers need of the rest, as one protocol (`backend`), the routes (`routes`), the alert link
(`open`), the webhook (`webhook`), their pages (`pages`).

May import: `ontology`, `workbench.intake`, `workbench.settings`, jupyter_server and tornado; `workbench.desk` only
inside `_load_jupyter_server_extension`, so that a server starts without paying for the desk.

To add a webhook for another sender: write its intake, then a route beside the one in `routes.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from workbench.server.backend import Backend


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tell Jupyter Server which module to load."""
    return [{"module": "workbench.server"}]


def _load_jupyter_server_extension(serverapp: ServerApp) -> None:
    """Add our routes; the desk is opened at the first request, and its errors are shown there."""
    from workbench.server.backend import Desk
    from workbench.server.routes import add_routes
    from workbench.settings import load

    def backend() -> Backend:
        from workbench.desk import backend

        return backend(load())

    desk = Desk(backend, lambda: load().webhook_secret.get_secret_value(), Path(serverapp.root_dir))
    add_routes(serverapp.web_app, desk)

    def after_save(model: dict[str, Any], os_path: str, contents_manager: object, **_: object) -> None:
        if model.get("type") == "notebook":
            desk.saved(Path(os_path))

    serverapp.contents_manager.register_post_save_hook(after_save)
    serverapp.log.info("Incident workbench: alert links open at %sworkbench/open/<alert id>", serverapp.base_url)
