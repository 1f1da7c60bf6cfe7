"""Witness: loud log lines that are new or far more frequent (`templates`)."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.nouns import Modality
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Family, Sign
from workbench.reasoning.statistical.templates import templates
from workbench.reasoning.statistical.wording import clock, number

_SPOKEN = {
    "disk": ("no space left", "enospc", "disk quota exceeded", "disk is full", "disk full"),
    "descriptors": ("too many open files", "emfile"),
    "memory": ("out of memory", "oom", "memoryerror", "enomem", "cannot allocate memory", "java heap space"),
    "certificate": ("certificate has expired", "cert_has_expired", "certificate verify failed", "x509: certificate"),
    "secret": (
        *("signature does not match", "invalid signature", "signature verification failed", "authentication failed"),
        *("invalid credentials", "access denied for user", "wrongpass", "noauth"),
    ),
    "unreadable": (
        *("jsondecodeerror", "unicodedecodeerror", "unexpected token", "unexpected end of json", "malformed"),
        *("deserializ", "cannot parse", "could not parse", "unmarshal", "jsonparseexception"),
    ),
    "pool": ("pool", "no connection free", "too many connections"),
    "timeout": ("timed out", "timeout", "deadline"),
    "unreachable": ("connection refused", "no such host", "name resolution", "unreachable"),
}
"""What a line says of how it failed, and the words for it; the first that fits counts."""


def lines(seen: Seen) -> Iterator[Sign]:
    """Yield new loud log lines; those of a caller count little where what it calls is loud too."""
    found = templates(seen.case, seen.since, seen.traced.timed if seen.traced else frozenset())
    loud = {each.entity for each in found}
    for each in found:
        echoes = bool(loud & seen.graph.callees(each.entity))
        often = f"{each.count} {each.severity} lines where {number(each.usual)} are usual"
        note = f"{often}{clock(each.first)}: {each.template}"
        hint = _said(each.template)
        nats = each.nats * (0.3 if echoes else 0.75)
        yield Sign(each.entity, Family.LOGS, nats, note, each.observation, Modality.LOGS, hint=hint, at=each.first)


def _said(template: str) -> str:
    """Return what the line says of the failure, in the words of common runtimes, drivers and libraries."""
    text = template.lower()
    return next((hint for hint, phrases in _SPOKEN.items() if any(phrase in text for phrase in phrases)), "")
