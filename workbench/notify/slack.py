"""Slack: one message an incident and channel, edited as things change; another gist is also said in its thread.

Two calls of the Web API, with a bot token that needs `chat:write` alone: `chat.postMessage` and `chat.update`. Slack
documents no key that makes a repeated post one. Where our sender died between the post and its note, the repeat carries
the same `client_msg_id`, which Slack's own clients use for that and which is not promised to apps; then the message is
edited, so that it says what is so now. The `metadata` names the incident, for whoever must tell two apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ontology.errors import NotAllowed, Unavailable
from workbench.notify.blocks import blocks, fallback, reply
from workbench.notify.notice import Delivery, Notice, name
from workbench.notify.transport import LaterError, PostOnly, address

POST, UPDATE = "chat.postMessage", "chat.update"
_MEND = {
    "invalid_auth": "Set slack_token to a bot token (xoxb-…) of this workspace.",
    "not_authed": "Set slack_token to a bot token (xoxb-…) of this workspace.",
    "token_revoked": "Install the app anew and set slack_token.",
    "missing_scope": "Give the app the scope chat:write and install it anew.",
    "channel_not_found": "Set slack_channel to the channel's id, and invite the app there.",
    "not_in_channel": "Invite the app into the channel: /invite @<app>.",
    "is_archived": "Name another channel in slack_channel.",
}


class Slack:
    """Tells notices in one channel."""

    def __init__(self, channel: str, token: str, url: str = "https://slack.com/api") -> None:
        self.place, self._channel = f"slack {channel}", channel
        self._prefix = (address(url).path or "").rstrip("/")
        self._post = PostOnly(url, tuple(f"{self._prefix}/{method}" for method in (POST, UPDATE)))
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}

    def send(self, notice: Notice, delivery: Delivery) -> str:
        """Post the incident's message, or edit it; return channel and timestamp, `C1/1700000000.000100`.

        Raises:
            Unavailable: Slack refuses, or does not answer.
            NotAllowed: the token or the channel is not right.
        """
        reference = delivery.reference or self._begin(notice)
        if delivery.reference or delivery.again:
            channel, _, at = reference.partition("/")
            answer = self._call(UPDATE, {**_said(notice), "channel": channel, "ts": at}, missing=True)
            if answer.get("ok") and delivery.new and delivery.reference:
                self._reply(notice, delivery, channel, at)
        return reference

    def _begin(self, notice: Notice) -> str:
        said = {**_said(notice), **_QUIET, "channel": self._channel, "client_msg_id": name(notice, self.place)}
        about = {"event_type": "workbench_incident", "event_payload": {"id": notice.id}}
        answer = self._call(POST, {**said, "metadata": about})
        return f"{answer.get('channel', self._channel)}/{answer['ts']}"

    def _reply(self, notice: Notice, delivery: Delivery, channel: str, at: str) -> None:
        said = {"channel": channel, "thread_ts": at, "text": fallback(notice), "blocks": reply(notice), **_QUIET}
        self._call(POST, {**said, "client_msg_id": name(notice, self.place, delivery.revision)})

    def _call(self, method: str, body: Mapping[str, Any], *, missing: bool = False) -> Mapping[str, Any]:
        """Call a method; a message that a person deleted stays deleted where `missing` says that this is no failure."""
        answer = self._post(f"{self._prefix}/{method}", json.dumps(body).encode(), self._headers)
        try:
            said = json.loads(answer.body)
        except ValueError:
            said = None
        if not isinstance(said, dict) or (said.get("ok") and method == POST and not isinstance(said.get("ts"), str)):
            raise Unavailable(
                f"{self._post.host} answers {answer.status}, and not as Slack does.", next_step="Check slack_url."
            )
        error = "" if said.get("ok") else str(said.get("error", answer.status))[:80]
        if not error or (missing and error == "message_not_found"):
            return said
        raise _refusal(self.place, error)


_AS_WRITTEN = {"link_names": False, "parse": "none"}
_QUIET = {"unfurl_links": False, "unfurl_media": False, **_AS_WRITTEN}


def _said(notice: Notice) -> dict[str, Any]:
    return {"text": fallback(notice), "blocks": blocks(notice), **_AS_WRITTEN}


def _refusal(place: str, error: str) -> NotAllowed | Unavailable:
    if error in ("ratelimited", "rate_limited"):
        return LaterError(f"{place} is asked too often.", next_step="It is tried again by itself.", seconds=30.0)
    if error in _MEND:
        return NotAllowed(f"Slack refuses for {place}: {error}.", next_step=_MEND[error])
    return Unavailable(f"Slack refuses for {place}: {error}.", next_step="See docs/notify.md; it is tried again.")
