"""Whether the workbench can answer: for a probe, so it needs no login and says nothing else."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler

from ontology.errors import PersonError
from workbench.server.backend import Desk


class Health(JupyterHandler):
    """`GET /workbench/healthz`: 200 where the desk opens, else 503."""

    def initialize(self, desk: Desk) -> None:
        """Take the desk."""
        self.desk = desk

    @allow_unauthenticated
    async def get(self) -> None:
        """Open the desk and look; the reason of a failure goes to the log, not to a stranger."""
        status = "ok"
        try:
            await self.desk.call(lambda _: None)
        except PersonError as error:
            self.log.error("The workbench cannot answer: %s", error)
            self.set_status(503)
            status = "unavailable"
        self._answer({"status": status})

    def _answer(self, body: dict[str, Any]) -> None:
        """Send JSON that no cache keeps."""
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(body))
