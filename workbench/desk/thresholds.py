"""What the labels of an alert decide: how sure a finding must be, where it is told, what its case may cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    return next(iter(_fitting(alert, settings.thresholds)), "")


def routed(alert: Alert, settings: Settings) -> Settings:
    """Return the settings as they hold for the alert: what the routes that fit say, in place of the general ones.

    Of several that say something of the same setting, the one counts that would as a threshold.

    Raises:
        BadInput: the labels of a route cannot be read.
    """
    said: dict[str, object] = {}
    for route in reversed(_fitting(alert, settings.routes)):
        said |= settings.routes[route].model_dump(exclude_none=True)
    return settings.model_copy(update=said)


def _fitting(alert: Alert, routes: Iterable[str]) -> list[str]:
    """Return the routes whose labels the alert has, the one that counts first."""
    said = {**alert.labels, "alertname": alert.title, "severity": alert.severity}
    wanted = {route: labels_of(route) for route in routes}
    fitting = [
        route
        for route, labels in wanted.items()
        if all(fnmatchcase(said.get(name, ""), value) for name, value in labels.items())
    ]
    return sorted(fitting, key=lambda route: -len(wanted[route]))


def labels_of(route: str) -> Mapping[str, str]:
    """Return the labels that a threshold or route names.

    >>> labels_of("team=payments severity=critical")
    {'team': 'payments', 'severity': 'critical'}

    Raises:
        BadInput: they cannot be read.
    """
    pairs = [word.partition("=") for word in route.split()]
    if not pairs or not all(name and value for name, _, value in pairs):
        raise BadInput(
            f"The threshold or route {route!r} names no labels.",
            next_step='Write it in settings.toml as: "team=payments severity=critical" = 0.8 (docs/watch.md)',
        )
    return {name: value for name, _, value in pairs}
