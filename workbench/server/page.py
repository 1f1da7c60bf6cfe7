"""The pages that a person sees before the lab: pure functions from an alert, or two sentences, to HTML."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from ontology.nouns import Alert

_FIRST = ("service", "namespace", "cluster", "env", "environment", "instance", "pod", "job")
"""Labels that say where, in the order in which an engineer asks."""
_SHOWN = 8
"""Labels on the page; the notebook holds all."""


def alert_page(alert: Alert, action: str, xsrf: str, now: datetime) -> str:
    """Return the page that shows the alert's facts and the button that creates its notebook.

    Args:
        alert: what woke us.
        action: path that the button posts to.
        xsrf: the server's hidden form field, as HTML.
        now: the time, to say how long ago it fired.
    """
    labels = {name: value for name, value in alert.labels.items() if name not in ("alertname", "severity")}
    order = sorted(labels, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    return _page(
        "alert"
    ).render(
        alert=alert,
        action=action,
        xsrf=Markup(xsrf),  # noqa: S704  # made by the server, holds no foreign text
        ago=ago((now - alert.fired).total_seconds()),
        labels=[(name, labels[name]) for name in order[:_SHOWN]],
        hidden=max(0, len(order) - _SHOWN),
    )


def refusal_page(status: int, problem: str, next_step: str) -> str:
    """Return the page that says what is wrong and what to do next."""
    return _page("refusal").render(status=status, problem=problem, next_step=next_step)


def ago(seconds: float) -> str:
    """Say how long ago something was, in one unit.

    >>> [ago(seconds) for seconds in (-5, 42, 250, 7300, 200_000)]
    ['just now', '42 s ago', '4 min ago', '2 h ago', '2 days ago']
    """
    if seconds < 1:
        return "just now"
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size * (2 if unit == "days" else 1):
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


@lru_cache
def _pages() -> Environment:
    """Return the templates; every value is escaped, and a name that is missing is an error."""
    return Environment(
        loader=PackageLoader("workbench.server", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def _page(name: str) -> Template:
    return _pages().get_template(f"{name}.html")
