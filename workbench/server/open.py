"""The alert link: GET shows, POST creates.

A link in a chat is opened by browsers that are logged in, by unfurling robots and by hostile pages alike, so GET makes
nothing: it leads to the notebook that exists, and notes that it was opened, or shows the alert with a button. The
button's POST carries the server's XSRF token.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

from ontology.errors import BadInput, NotFound, PersonError, Unavailable
from ontology.nouns import Alert
from workbench.server.backend import Backend, Desk
from workbench.server.page import alert_page, refusal_page
from workbench.server.refusal import refuse, sentences

T = TypeVar("T")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


class Open(JupyterHandler):
    """`GET | POST /workbench/open/<alert id>`."""

    auth_resource = "contents"

    def initialize(self, desk: Desk) -> None:
        """Take the desk."""
        self.desk = desk

    @property
    def content_security_policy(self) -> str:
        """Let the page load nothing, run nothing, be framed by nobody and post only to us."""
        return _POLICY

    def set_default_headers(self) -> None:
        """Keep alert names out of foreign logs and caches; a form of ours still tells its origin."""
        super().set_default_headers()
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")

    @authenticated
    @authorized
    async def get(self, alert_id: str) -> None:
        """Lead to the notebook, or show the alert and offer to create one."""
        alert = await self._alert(alert_id)
        notebook = await self._ask(lambda backend: backend.notebook_of(alert))
        if notebook is not None:
            await self._ask(lambda backend: backend.opened(alert))
            self.redirect(self._lab(alert, notebook))
            return
        self.finish(alert_page(alert, self.request.path, self.xsrf_form_html(), datetime.now(UTC)))

    @authenticated
    @authorized
    async def post(self, alert_id: str) -> None:
        """Create the notebook where there is none, and lead to it."""
        if not self._from_here():
            raise HTTPError(403)
        alert = await self._alert(alert_id)
        notebook = await self._ask(lambda backend: backend.create(alert), slow=True)
        self.redirect(self._lab(alert, notebook), status=303)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error with a page: what is wrong, and what to do."""
        self.finish(refusal_page(status_code, *sentences(status_code, kwargs.get("exc_info"))))

    def _from_here(self) -> bool:
        """Say whether the request came from this server or from no page; holds for logins by token too."""
        origin = self.request.headers.get("Origin")
        return origin is None or origin.partition("://")[2].lower() == self.request.host.lower()

    async def _alert(self, alert_id: str) -> Alert:
        """Return the alert of that id; an id that cannot be one never reaches the backend."""
        if not _NAME.fullmatch(alert_id):
            error = BadInput("This is not the id of an alert.", next_step="Open the link from the alert again.")
            raise refuse(error) from error
        alert = await self._ask(lambda backend: backend.alert(alert_id))
        if alert is None:
            unknown = NotFound(
                f"The alert {alert_id} is not known here.",
                next_step="If it just fired, wait a moment and reload. Else check that Alertmanager sends to this "
                "server (docs/alert-link.md), or list what is known with: workbench open --list",
            )
            raise refuse(unknown) from unknown
        return alert

    async def _ask(self, act: Callable[[Backend], T], *, slow: bool = False) -> T:
        """Return what the backend says, its errors turned into a page."""
        try:
            return await self.desk.call(act, slow=slow)
        except PersonError as error:
            raise refuse(error) from error

    def _lab(self, alert: Alert, notebook: Path) -> str:
        """Return the address of the notebook in a lab workspace of its own, so that no old tabs come back."""
        try:
            inside = notebook.resolve().relative_to(self.desk.root.resolve())
        except ValueError:
            error = Unavailable(
                f"The notebook exists at {notebook}, but this server shows only {self.desk.root}.",
                next_step="Start the server with: workbench lab",
            )
            raise refuse(error) from error
        return str(url_path_join(self.base_url, "lab", "workspaces", alert.id, "tree", quote(inside.as_posix())))
