"""The alert webhook: a payload comes in, its alerts are kept, then 200 is said.

It is open to the network and has no login, so it has a secret of its own, which opens nothing else. The secret is
checked before the body is read. A sender repeats what was answered with 5xx and drops what was answered with 4xx:
so what we could not keep is 5xx, and one bad alert does not refuse its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, stream_request_body

from ontology.errors import NotAllowed, PersonError
from workbench.intake import alertmanager, proof
from workbench.intake.alertmanager import Delivery
from workbench.intake.senders import Sender, senders
from workbench.server.backend import Desk
from workbench.server.refusal import refuse, sentences

BODY = 1_000_000
"""Bytes of a body; a thousand alerts of usual size fit."""


@stream_request_body
class AlertmanagerWebhook(JupyterHandler):
    """`POST /workbench/hooks/alertmanager`, Alertmanager's webhook payload, version 4."""

    scheme = "Bearer"
    """What a 401 offers."""

    def initialize(self, desk: Desk) -> None:
        """Take the desk; the body arrives in pieces."""
        self.desk = desk
        self._body = bytearray()

    def check_xsrf_cookie(self) -> None:
        """Skip the check: the secret stands in a header, which a foreign page cannot set, and no cookie counts."""

    async def prepare(  # type: ignore[override]  # as jupyter_server's own: a coroutine in tornado's place
        self, *, _redirect_to_login: bool = True
    ) -> Awaitable[None] | None:
        """Refuse a stranger and a body that is too large before the body is read."""
        await super().prepare(_redirect_to_login=_redirect_to_login)
        if self.request.method == "POST":
            self._check_secret()
            if int(self.request.headers.get("Content-Length", "0")) > BODY:
                raise HTTPError(413)
        return None

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body; of one without a declared length, no more than shows that it is too large."""
        if len(self._body) <= BODY:
            self._body += chunk

    @allow_unauthenticated
    async def post(self) -> None:
        """Keep the alerts, then say so."""
        if len(self._body) > BODY:
            raise HTTPError(413)
        try:
            delivery = self._delivery(alertmanager.parse(bytes(self._body)))
            if delivery.problems and not delivery.alerts:
                raise delivery.problems[0]
            await self.desk.call(lambda backend: backend.receive(delivery))
        except PersonError as error:
            raise refuse(error) from error
        for problem in delivery.problems:
            self.log.warning("An alert was left out: %s", problem)
        self._answer(
            {
                "kept": len(delivery.alerts),
                "refused": [str(problem) for problem in delivery.problems],
                "alerts": [{"id": each.id, "open": self._link(each.id)} for each in delivery.alerts],
            }
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error with its two sentences as JSON."""
        problem, next_step = sentences(status_code, kwargs.get("exc_info"))
        if status_code == 401 and self.scheme:
            self.set_header("WWW-Authenticate", self.scheme)
        self._answer({"problem": problem, "next_step": next_step})

    def _check_secret(self) -> None:
        """Raise 403 where no secret is set, 401 where what was sent is another."""
        try:
            secret = self.desk.secret()
            if not secret:
                raise NotAllowed(
                    "The alert webhook is closed, since no secret is set.",
                    next_step="Set WORKBENCH_WEBHOOK_SECRET to a long random text and start the server again.",
                )
        except PersonError as error:
            raise refuse(error) from error
        if not proof.bearer(self.request.headers, secret):
            raise HTTPError(401)

    def _delivery(self, payload: Mapping[str, object]) -> Delivery:
        """Return what the payload holds."""
        return alertmanager.deliver(payload)

    def _link(self, alert_id: str) -> str:
        """Return the path that opens the alert, below the server's own address."""
        return str(url_path_join(self.base_url, "workbench", "open", alert_id))

    def _answer(self, body: dict[str, Any]) -> None:
        """Send JSON that no cache keeps."""
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(body))


@stream_request_body
class SenderWebhook(AlertmanagerWebhook):
    """`POST /workbench/hooks/<sender>`: any other sender, each with a secret of its own.

    A signature stands over the body, so a body of a stranger is read here, up to the limit, before it is refused.
    """

    scheme = ""

    @allow_unauthenticated
    async def post(self, name: str) -> None:  # type: ignore[override]  # the name in the address comes too
        """Refuse what the sender did not send, then keep the alerts."""
        if len(self._body) > BODY:
            raise HTTPError(413)
        sender = self._sender(name)
        self.scheme = sender.scheme
        if not sender.authentic(self.request.headers, bytes(self._body), self._secret(name), datetime.now(UTC)):
            raise HTTPError(401)
        await super().post()

    def _check_secret(self) -> None:
        """Raise 404 for an unknown sender, 403 for one without a secret; the rest waits for the body."""
        self._secret(self.path_args[0])

    def _delivery(self, payload: Mapping[str, object]) -> Delivery:
        return self._sender(self.path_args[0]).deliver(payload)

    def _sender(self, name: str) -> Sender:
        found = senders(self.desk.fields()).get(name)
        if found is None:
            raise HTTPError(404)
        return found

    def _secret(self, name: str) -> str:
        self._sender(name)
        try:
            secret = self.desk.secrets(name)
            if not secret:
                raise NotAllowed(
                    f"The webhook of {name} is closed, since it has no secret.",
                    next_step=f"Name one in webhook_secrets (docs/settings.md), under {name}, and start again.",
                )
        except PersonError as error:
            raise refuse(error) from error
        return secret
