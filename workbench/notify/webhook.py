"""A webhook of one's own: the whole notice as JSON, each time with the same id and a higher revision.

The body is described in docs/notify.md. `Idempotency-Key` names incident, revision and content: what comes twice under
one key is the same. With a secret, `X-Workbench-Signature` is `sha256=` and the HMAC-SHA256, in hexadecimal digits, of
the time in `X-Workbench-Timestamp`, a full stop and the body.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from ontology.errors import Unavailable
from workbench.notify.notice import Delivery, Notice, name
from workbench.notify.transport import PostOnly, address

SCHEMA = "workbench.notice/1"


class Webhook:
    """Posts notices to one address."""

    def __init__(self, url: str, secret: str = "", *, now: Callable[[], float] = time.time) -> None:
        parts = address(url)
        self.place = f"webhook {parts.netloc} {hashlib.sha256(url.encode()).hexdigest()[:8]}"
        self._path = parts.request_uri
        self._post, self._secret, self._now = PostOnly(url, (self._path,)), secret, now

    def send(self, notice: Notice, delivery: Delivery) -> str:
        """Post the notice; the address is the message's name.

        Raises:
            Unavailable: no answer, or one that is not 2xx.
        """
        body = json.dumps(payload(notice, delivery.revision), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": name(notice, self.place, f"{delivery.revision} {notice.digest}"),
            **signature(self._secret, body, int(self._now())),
        }
        answer = self._post(self._path, body, headers)
        if not 200 <= answer.status < 300:
            raise Unavailable(
                f"{self.place} refuses ({answer.status}).", next_step="Check notify_url and notify_secret."
            )
        return notice.id


def payload(notice: Notice, revision: int) -> dict[str, Any]:
    """Return what is posted: the same notice and revision, the same bytes."""
    found = {
        "claim": notice.claim,
        "suspect": notice.suspect,
        "failure_mode": notice.failure_mode,
        "confidence": notice.confidence,
        "because": list(notice.because),
        "sure": notice.sure,
        "evidence": [
            {"note": each.note, "stance": "for" if each.speaks_for else "against", "link": each.link}
            for each in notice.evidence
        ],
        "next_step": notice.next_step,
    }
    return {
        "schema": SCHEMA,
        "id": notice.id,
        "revision": revision,
        "state": notice.state,
        "title": notice.title,
        "severity": notice.severity,
        "fired": notice.fired.isoformat(),
        "resolved": notice.resolved.isoformat() if notice.resolved else None,
        "alerts": notice.alerts,
        "finding": found,
        "notebook": notice.notebook,
        "links": dict(notice.links),
    }


def signature(secret: str, body: bytes, at: int) -> dict[str, str]:
    """Return the headers that prove who sent the body, and when; none without a secret."""
    if not secret:
        return {}
    proof = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return {"X-Workbench-Timestamp": str(at), "X-Workbench-Signature": f"sha256={proof}"}
