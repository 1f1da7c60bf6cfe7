"""Numbers, times and names as a colleague would say them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from workbench.render.markup import Html, clean, tag

_UNITS = (  # suffix of a metric's name -> unit of its values
    ("_per_second", "/s"),
    ("_seconds", "s"),
    ("_milliseconds", "ms"),
    ("_ms", "ms"),
    ("_bytes", "B"),
    ("_percent", "%"),
    ("_ratio", ""),
)
_QUIET = {"http", "server", "process", "request", "total", "rpc", "resident", "duration"}


def number(value: float | None) -> str:
    """Return two significant digits, thousands kept whole.

    >>> [number(value) for value in (0.0123, 2.44, 20.4, 1234.0, 0.0, None)]
    ['0.012', '2.4', '20', '1,234', '0', '?']
    """
    if value is None or not math.isfinite(value):
        return "?"
    if value == 0:
        return "0"
    if abs(value) >= 10:
        return f"{value:,.0f}"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def unit(metric: str) -> str:
    """Return the unit that the metric's name carries, or an empty string."""
    return next((unit for suffix, unit in _UNITS if metric.endswith(suffix)), "")


def quantity(value: float | None, of: str = "") -> str:
    """Return a value with its unit, in the size a person would use.

    >>> quantity(0.31, "s"), quantity(2.4, "s"), quantity(260_000_000, "B"), quantity(20, ""), quantity(2, "/s")
    ('310 ms', '2.4 s', '260 MB', '20', '2/s')
    """
    if value is None or not math.isfinite(value):
        return "?"
    size, name = scale(abs(value), of)
    return f"{number(value / size)}{'' if name.startswith('/') else ' '}{name}".strip()


def scale(most: float, of: str) -> tuple[float, str]:
    """Return the divisor and the unit in which values up to `most` read well."""
    if of == "s":
        return (1.0, "s") if most >= 1 or most == 0 else (1e-3, "ms") if most >= 1e-3 else (1e-6, "µs")
    if of == "ms":
        return (1.0, "ms") if most < 1000 else (1e3, "s") if most < 120_000 else (6e4, "min")
    if of == "B":
        return next(
            ((size, name) for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if most >= size), (1.0, "B")
        )
    return 1.0, of


def metric_words(metric: str) -> str:
    """Return a metric's name in words, without its unit.

    >>> metric_words("http_server_request_duration_p99_seconds"), metric_words("db_pool_in_use")
    ('latency p99', 'db pool in use')
    """
    bare = clean(metric)
    for suffix, _ in _UNITS:
        bare = bare.removesuffix(suffix)
    parts = [part for part in re.split(r"[_.]+", bare) if part]
    latency = ["latency"] if "duration" in parts and any(part in parts for part in ("request", "server", "rpc")) else []
    if parts[:2] == ["process", "resident"]:
        return "memory"
    if metric.endswith("_per_second") and parts and parts[-1] == "requests":
        return "requests"
    return " ".join(latency + [part for part in parts if part not in _QUIET]) or " ".join(parts)


def clock(moment: datetime, *, seconds: bool = False) -> str:
    """Return the time of day in UTC: `02:58`."""
    return moment.astimezone(UTC).strftime("%H:%M:%S" if seconds else "%H:%M")


def stamp(moment: datetime, words: str = "") -> Html:
    """Return the time of day with the whole date, UTC and local, in the tooltip."""
    local = moment.astimezone()
    title = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {local:%H:%M:%S} {local.tzname()} here"
    return tag("time", words or clock(moment), datetime=moment.astimezone(UTC).isoformat(), title=title)


def span(seconds: float) -> str:
    """Return a length of time.

    >>> [span(value) for value in (0.4, 42, 250, 7300, 200_000)]
    ['0.4 s', '42 s', '4 min', '2 h', '2 days']
    """
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size * (1 if name == "min" else 1.5 if name == "h" else 2):
            return f"{round(seconds / size)} {name}"
    if seconds >= 60:
        return f"{round(seconds / 60)} min"
    return f"{number(seconds)} s"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago it was: `4 min ago`; `in 2 min` where it lies ahead."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def ratio(before: float | None, after: float | None) -> str:
    """Say how far a value went: `x11`, `from 0 to 3`, `4.1 to 20`, `down to a third`."""
    if before is None or after is None:
        return ""
    if before <= 0 or after < 0:
        return f"{number(before)} to {number(after)}"
    times = after / before
    return f"×{number(times)}" if times >= 1 else f"÷{number(1 / times)}" if times > 0 else "down to 0"


def short(name: object, most: int = 24) -> str:
    """Return a name cut in its middle, both ends kept, since both tell it apart.

    >>> short("payment-authorisation-worker-canary", 20)
    'payment-au…er-canary'
    """
    text = " ".join(clean(name).split())
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"


def cut(text: object, most: int) -> str:
    """Return the text cut at its end."""
    plain = " ".join(clean(text).split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def some(count: int, noun: str, many: str = "") -> str:
    """Return a count with its noun.

    >>> some(1, "question"), some(3, "question"), some(2, "query", "queries"), some(0, "log line")
    ('1 question', '3 questions', '2 queries', 'no log lines')
    """
    return f"{count or 'no'} {noun if count == 1 else many or noun + 's'}"


def listed(words: list[str], most: int = 4) -> str:
    """Return `a, b and c`, or `a, b, c, d and 12 more`."""
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
