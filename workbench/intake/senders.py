"""Who may deliver alerts, by the name in the webhook's address: how each proves itself, and what its payload means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from workbench.intake import cloudwatch, datadog, generic, grafana, opsgenie, pagerduty
from workbench.intake.alertmanager import Delivery


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender of alerts; both verbs are pure."""

    authentic: Callable[[Mapping[str, str], bytes, str, datetime], bool]
    """Takes headers, body, the sender's secret and the time."""
    deliver: Callable[[Mapping[str, object]], Delivery]
    scheme: str = ""
    """What a 401 offers: SNS sends its password only after it was asked for `Basic`."""


def senders(fields: Mapping[str, str]) -> Mapping[str, Sender]:
    """Return the senders by name; `fields` says what is where in the payload of the generic one."""
    return {
        "grafana": Sender(grafana.authentic, grafana.deliver),
        "pagerduty": Sender(pagerduty.authentic, pagerduty.deliver),
        "datadog": Sender(datadog.authentic, datadog.deliver, "Bearer"),
        "cloudwatch": Sender(cloudwatch.authentic, cloudwatch.deliver, 'Basic realm="workbench"'),
        "opsgenie": Sender(opsgenie.authentic, opsgenie.deliver, "Bearer"),
        "generic": Sender(generic.authentic, partial(generic.deliver, fields=fields), "Bearer"),
    }
