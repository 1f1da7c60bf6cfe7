"""How sure a finding must be before it is shown: by the labels of its alert, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from ontology.errors import BadInput
from ontology.nouns import Alert
from workbench.settings import Settings


def threshold_of(alert: Alert, settings: Settings) -> float:
    """Return the confidence, 0 to 1, from which a finding on the alert is shown.

    Raises:
        BadInput: the labels of a threshold cannot be read.
    """
    route = route_of(alert, settings)
    return settings.thresholds[route] if route else settings.threshold


def route_of(alert: Alert, settings: Settings) -> str:
    """Return the labels of the threshold that counts for the alert; empty where none of its own does.

    Of those that fit, the one with most labels counts, then the one that was written first. `severity` is ours
    (`critical`, `warning`, `info`, `unknown`), whatever word the sender has for it.

    Raises:
        BadInput: as `threshold_of`.
    """
    said = {**alert.labels, "alertname": alert.title, "severity": alert.severity}
    wanted = {route: _labels(route) for route in settings.thresholds}
    fitting = [
        route
        for route, labels in wanted.items()
        if all(fnmatchcase(said.get(name, ""), value) for name, value in labels.items())
    ]
    return max(fitting, key=lambda route: len(wanted[route]), default="")


def _labels(route: str) -> Mapping[str, str]:
    """Return the labels that a route names.

    >>> _labels("team=payments severity=critical")
    {'team': 'payments', 'severity': 'critical'}
    """
    pairs = [word.partition("=") for word in route.split()]
    if not pairs or not all(name and value for name, _, value in pairs):
        raise BadInput(
            f"The threshold {route!r} names no labels.",
            next_step='Write it in settings.toml as: "team=payments severity=critical" = 0.8 (docs/watch.md)',
        )
    return {name: value for name, _, value in pairs}
