"""Proof that a delivery comes from its sender: a shared secret in a header, or a signature over the body.

Pure: headers, body, secret and time in, yes or no out. Every comparison takes as long for a wrong value as for the
right one. An empty secret proves nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

TOLERANCE = 300.0
"""Seconds that a signed time may differ from ours; what is older may be a recording."""


def bearer(headers: Mapping[str, str], secret: str) -> bool:
    """Say whether the `Authorization` header bears the secret."""
    scheme, _, sent = headers.get("Authorization", "").partition(" ")
    return same(sent.strip(), secret) and scheme.lower() == "bearer"


def basic(headers: Mapping[str, str], secret: str) -> bool:
    """Say whether the password of HTTP basic authentication is the secret; any user name will do."""
    scheme, _, sent = headers.get("Authorization", "").partition(" ")
    try:
        password = base64.b64decode(sent.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, ValueError):
        return False
    return same(password, secret) and scheme.lower() == "basic"


def signed(text: bytes, signature: str, secret: str) -> bool:
    """Say whether the signature is the HMAC-SHA256 of the text, in hexadecimal digits."""
    return bool(secret) and same(signature, hmac.new(secret.encode(), text, hashlib.sha256).hexdigest())


def fresh(stamp: str, now: datetime) -> bool:
    """Say whether a time in unix seconds is that of now.

    >>> from datetime import UTC
    >>> now = datetime.fromtimestamp(1_000, UTC)
    >>> [fresh(each, now) for each in ("1000", "1300", "1301", "699", "", "1e3", "٣")]
    [True, True, False, False, False, False, False]
    """
    return stamp.isascii() and stamp.isdigit() and abs(int(stamp[:20]) - now.timestamp()) <= TOLERANCE


def same(sent: str, secret: str) -> bool:
    """Compare in constant time; an empty secret is like nothing."""
    return hmac.compare_digest(sent.encode("utf-8", "replace"), secret.encode("utf-8", "replace")) and bool(secret)
