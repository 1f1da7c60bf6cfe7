"""Server: the Jupyter Server extension, thin: the alert link, the alert webhook, and the graph for this machine.

Lives here: what the handlers need of the rest, as one protocol (`backend`), the routes (`routes`), the alert link
(`open`), the webhook (`webhook`), their pages (`pages`), what the panel reads and Prometheus scrapes (`api`), the owner
of the graph's store (`graph`), the worker that runs beside the server (`attendant`).

May import: `ontology`, `workbench.intake`, `workbench.settings`, jupyter_server and tornado; `workbench.desk` and
`workbench.graph` only inside the functions below, so that a server starts without paying for them.

To add a webhook for another sender: name it in `workbench.intake.senders`; its route stands.
"""

from __future__ import annotations

import atexit
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from workbench.server.backend import Backend, Desk
    from workbench.server.graph import Owner
    from workbench.settings import Settings


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tell Jupyter Server which module to load."""
    return [{"module": "workbench.server"}]


def _load_jupyter_server_extension(serverapp: ServerApp) -> None:
    """Add our routes; the desk is opened at the first request, and its errors are shown there."""
    from workbench.server.backend import Desk
    from workbench.server.graph import Graph
    from workbench.server.routes import add_routes
    from workbench.settings import load

    def backend() -> Backend:
        from workbench.desk import backend

        return backend(load())

    def secret(sender: str) -> str:
        found = load().webhook_secrets.get(sender)
        return found.get_secret_value() if found else ""

    root, fields = Path(serverapp.root_dir), lambda: load().webhook_fields
    desk = Desk(backend, lambda: load().webhook_secret.get_secret_value(), root, secret, fields)
    graph = Graph(lambda: _owner(load().home))
    add_routes(serverapp.web_app, desk, graph)
    serverapp.web_app.settings.update(workbench_graph=graph, workbench_desk=desk)

    def after_save(model: dict[str, Any], os_path: str, contents_manager: object, **_: object) -> None:
        if model.get("type") == "notebook":
            desk.saved(Path(os_path))

    serverapp.contents_manager.register_post_save_hook(after_save)
    serverapp.log.info("Incident workbench: alert links open at %sworkbench/open/<alert id>", serverapp.base_url)


async def _start_jupyter_server_extension(serverapp: ServerApp) -> None:
    """Claim the graph's store, now that the server knows its port, and start the worker where alerts can come.

    The store itself is opened at the first request.
    """
    from workbench.settings import load

    chosen = load()
    _claim_graph(serverapp, chosen)
    _hear_reads(serverapp.contents_manager, serverapp.web_app.settings["workbench_desk"], chosen.notebooks_folder)
    if chosen.watch_in_lab and chosen.alerts_come:
        from workbench.server.attendant import Attendant

        attendant = Attendant()
        attendant.start()
        atexit.register(attendant.stop)


def _hear_reads(manager: Any, desk: Desk, notebooks: Path) -> None:
    """Tell the desk before an incident's notebook is read, by a file browser too: jupyter_server has no hook for it.

    Its event `get` also stands for each line of a folder's list, so that only the call itself tells a reader.
    """
    get, root, notebooks = manager.get, desk.root.resolve(), notebooks.resolve()
    if not inspect.iscoroutinefunction(get):
        return  # a manager of the older kind: the kernel tells, as soon as it has the case

    async def heard(path: str, content: bool = True, *more: Any, **named: Any) -> Any:
        file = root / path.strip("/")
        if content and file.suffix == ".ipynb" and file.parent == notebooks:
            await desk.read(file)
        return await get(path, content, *more, **named)

    manager.get = heard


def _claim_graph(serverapp: ServerApp, chosen: Settings) -> None:
    from workbench.graph.claim import claim, release

    host = _loopback_host(serverapp.ip)
    if chosen.graph or serverapp.certfile or serverapp.sock or host is None:
        return  # the graph is elsewhere, or others of this machine could not reach us
    held = claim(chosen.home, f"http://{host}:{serverapp.port}{serverapp.base_url}workbench")
    if held is None:
        serverapp.log.info("Incident workbench: another server owns the graph of %s", chosen.home)
        return
    serverapp.web_app.settings["workbench_graph"].token = held.token
    atexit.register(release, chosen.home, held)


def _owner(home: Path) -> Owner:
    from workbench.graph.owner import Owner

    made = Owner(home / "graph")
    atexit.register(made.close)
    return made


def _loopback_host(ip: str) -> str | None:
    """Return the address by which this machine reaches a server that listens there; None where it is no loopback one.

    >>> [_loopback_host(each) for each in ("localhost", "", "0.0.0.0", "::1", "192.0.2.7")]
    ['127.0.0.1', '127.0.0.1', '127.0.0.1', '[::1]', None]
    """
    if ip in ("", "*", "0.0.0.0", "localhost"):  # noqa: S104  # read, not bound
        return "127.0.0.1"
    if ip in ("::", "::1"):
        return "[::1]"
    return ip if ip.startswith("127.") else None
