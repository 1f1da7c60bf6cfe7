"""Is this token genuine? Signed with a secret that we share with those who issue it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

from ..runtime import log  # noqa: TID252  # the shop runs as a package of its own
from ..runtime.serving import Refused  # noqa: TID252


def bearer(token: str, secret: bytes) -> str:
    """Return whose token it is.

    Raises:
        Refused: it is not signed with our secret, or too old.
    """
    payload, _, signature = token.partition(".")
    wanted = hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, signature):
        log.error("token signature does not match")
        raise Refused(401, "the token is not genuine")
    said = json.loads(base64.urlsafe_b64decode(payload + "=="))
    if said["expires"] < time.time():
        log.warning(f"token of {said['user']} expired")
        raise Refused(401, "the token has expired")
    return str(said["user"])
