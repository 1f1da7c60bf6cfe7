"""What a line of a log says: when, how bad, what, in which trace; of JSON lines, plain lines and the journal's export.

    said("2026-01-31T02:50:00Z ERROR timeout calling bank trace_id=4bf92f3577b34da6a3ce929d0e0e4736", 2026)

A time without a zone is taken as UTC, one without a year as of the year that is given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

TIME = ("@timestamp", "timestamp", "time", "ts", "datetime", "asctime", "__REALTIME_TIMESTAMP", "date")
LEVEL = ("level", "severity", "log.level", "severity_text", "severityText", "levelname", "lvl", "PRIORITY")
WORDS = ("message", "msg", "MESSAGE", "body", "event", "log")
SERVICE = (
    "service.name",
    "service",
    "service_name",
    "serviceName",
    "app",
    "SYSLOG_IDENTIFIER",
    "_SYSTEMD_UNIT",
    "_COMM",
)
TRACE = ("trace_id", "traceId", "trace.id", "traceID", "traceid")
LEVELS = ("trace", "debug", "info", "notice", "warn", "warning", "error", "critical", "fatal")
_PRIORITY = ("fatal", "fatal", "critical", "error", "warn", "notice", "info", "debug")
"""Levels of syslog by number: emergency and alert are fatal."""
_NUMBERED = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
"""Levels as pino and bunyan number them."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?")
_SLASHED = re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}|\d{4}/\d\d/\d\d \d\d:\d\d:\d\d")
_SYSLOG = re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d")
_KLOG = re.compile(r"^[IWEF](\d{4} \d\d:\d\d:\d\d\.\d+)")
_KLOG_LEVEL = {"I": "info", "W": "warn", "E": "error", "F": "fatal"}
_WORD = re.compile(r"\b(" + "|".join(LEVELS) + r")\b", re.IGNORECASE)
_TRACE = re.compile(r"trace[_-]?id[\"']?\s*[=:]\s*[\"']?([0-9a-fA-F]{16,32})\b", re.IGNORECASE)
_NEAR = 60
"""Characters from its beginning within which a line has its time."""
MOST_LINES = 200
"""Lines that are joined to the one with a time before them: a stack trace, not a dump."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one entry of a log says."""

    time: datetime | None
    severity: str
    message: str
    trace: str = ""
    service: str = ""
    """Who says so, where the line itself tells."""


def entries(lines: Iterable[str], year: int) -> Iterator[Line]:
    """Yield the entries; a line without a time belongs to the one before it, as those of a stack trace do."""
    current: Line | None = None
    joined = 0
    for text in lines:
        found = said(text.rstrip("\r\n"), year)
        if found.time is None and current is not None and joined < MOST_LINES:
            current = replace(current, message=f"{current.message}\n{found.message}")
            joined += 1
            continue
        if current is not None:
            yield current
        current, joined = found, 0
    if current is not None:
        yield current


def said(text: str, year: int) -> Line:
    """Return what a line says.

    >>> said('{"ts": 1769827800.5, "level": "error", "msg": "no bank"}', 2026).message
    'no bank'
    >>> said("E0131 02:50:00.000001 1 main.go:7] no bank", 2026).severity
    'error'
    """
    if text.startswith("{"):
        try:
            fields = json.loads(text)
        except ValueError:  # half a line, cut off by a rotation: it is still what somebody wrote
            fields = None
        if isinstance(fields, dict):
            return _structured(fields, text, year)
    time, level = _plain_time(text, year)
    word = _WORD.search(text[:200])
    trace = _TRACE.search(text)
    severity = level or (word[1].lower() if word else "")
    return Line(time, "warn" if severity == "warning" else severity, text, trace[1] if trace else "")


def _structured(fields: Mapping[str, Any], text: str, year: int) -> Line:
    words = _first(fields, WORDS)
    if isinstance(words, list):  # the journal writes bytes that are no text as numbers
        words = bytes(each for each in words if isinstance(each, int) and 0 <= each < 256).decode(errors="replace")
    message = str(words) if words is not None else text
    trace = _first(fields, TRACE)
    level = "PRIORITY" if "PRIORITY" in fields else ""
    severity = _level(fields[level] if level else _first(fields, LEVEL), syslog=bool(level))
    service = str(_first(fields, SERVICE) or "").removesuffix(".service")
    return Line(_moment(_first(fields, TIME), year), severity, message, str(trace or ""), service)


def _first(fields: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the first of some fields that is there, written with dots or nested."""
    for name in names:
        inner: Any = fields.get(name)
        if inner is None and "." in name:
            outer = fields.get(name.partition(".")[0])
            inner = outer.get(name.partition(".")[2]) if isinstance(outer, dict) else None
        if inner not in (None, "") and not isinstance(inner, dict):
            return inner
    return None


def _level(level: Any, *, syslog: bool) -> str:
    text = str("" if level is None else level).lower()
    if syslog and text.isdigit():
        return _PRIORITY[min(int(text), 7)]
    if text.isdigit():
        return _NUMBERED.get(int(text), "")
    return "warn" if text == "warning" else text


def _plain_time(text: str, year: int) -> tuple[datetime | None, str]:
    """Return the time near the beginning of a line, and the level where the format tells it beside."""
    near = text[:_NEAR]
    if klog := _KLOG.match(near):
        return _moment(f"{year}{klog[1]}", year), _KLOG_LEVEL[text[0]]
    for pattern in (_ISO, _SLASHED, _SYSLOG):
        if (found := pattern.search(near)) and (time := _moment(found[0], year)):
            return time, ""
    return None, ""


def _moment(at: Any, year: int) -> datetime | None:
    """Return a time from a number of any unit since 1970, or from text; None where it is neither.

    >>> _moment("1769827800000", 2026) == _moment(1769827800, 2026) == _moment("31/Jan/2026:02:50:00 +0000", 2026)
    True
    """
    text = str("" if at is None else at).strip()
    try:
        if re.fullmatch(r"\d{9,19}(?:\.\d+)?", text):
            number = float(text)
            size = 1000.0 ** max(0, (len(text.partition(".")[0]) - 9) // 3)
            return datetime.fromtimestamp(number / size, UTC)
        return _written(text, year)
    except (ValueError, OverflowError, OSError):
        return None


def _written(text: str, year: int) -> datetime:
    """Return a time from text.

    Raises:
        ValueError: it is none.
    """
    for pattern, form in ((_SLASHED, "%d/%b/%Y:%H:%M:%S %z"), (_SLASHED, "%Y/%m/%d %H:%M:%S")):
        if pattern.fullmatch(text) and ("/" in text[:3]) == ("%b" in form):
            return _utc(datetime.strptime(text, form))
    if _SYSLOG.fullmatch(text):
        return datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
    if re.fullmatch(r"\d{8} \d\d:\d\d:\d\d\.\d+", text):
        return datetime.strptime(text[:24], "%Y%m%d %H:%M:%S.%f").replace(tzinfo=UTC)
    clean = text.replace(",", ".").replace(" UTC", "Z").replace(" Z", "Z")
    clean = re.sub(r" ([+-]\d\d:?\d\d)$", r"\1", clean)
    return _utc(datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", clean)))


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
