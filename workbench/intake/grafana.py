"""Grafana alerting: the webhook contact point, its payload and its signature.

The payload is Alertmanager's with a few fields more. Signed, Grafana sends the HMAC-SHA256 of the body in
`X-Grafana-Alerting-Signature`, in hexadecimal digits; with a timestamp header set, of `<unix seconds>:<body>`. We ask
for the timestamp, since without it a recording of a delivery stays good for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from workbench.intake.alertmanager import Delivery, deliver
from workbench.intake.proof import fresh, signed

__all__ = ["Delivery", "authentic", "deliver"]

SIGNATURE = "X-Grafana-Alerting-Signature"
TIMESTAMP = "X-Grafana-Alerting-Timestamp"
"""What the contact point's *Timestamp Header* is to be set to."""


def authentic(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Say whether Grafana signed this body, within the last minutes."""
    stamp = headers.get(TIMESTAMP, "")
    return fresh(stamp, now) and signed(f"{stamp}:".encode() + body, headers.get(SIGNATURE, ""), secret)
