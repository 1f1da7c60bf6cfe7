"""What a stranger wrote, made fit to keep: visible text, bounded in length, and links a person may click.

Alert labels and annotations come from outside and are shown in notebooks, sent to models and written to logs.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

LINK_LENGTH = 2048
"""Characters; longer addresses are dropped, since a cut address leads elsewhere."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Unicode categories that a reader cannot see: controls, bidi marks, tags, lone surrogates, private, unassigned."""


def plain(value: object, length: int) -> str:
    r"""Return the value as one line of visible text of at most `length` characters; a cut ends in an ellipsis.

    >>> plain("checkout\x1b[31m slow\u202e", 40)
    'checkout[31m slow'
    >>> plain("aaaaaa", 4)
    'aaa…'
    """
    spaced = " ".join(str(value)[: length * 4].split())
    seen = "".join(char for char in spaced if unicodedata.category(char) not in _UNSEEN)
    return seen if len(seen) <= length else seen[: length - 1] + "…"


def slug(text: str, length: int) -> str:
    """Return lower-case ASCII letters, digits and single dashes, at most `length`; empty where nothing is left.

    >>> slug("Checkout p99 > 0.5 s!", 40)
    'checkout-p99-0-5-s'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:length].strip("-")


def link(value: object) -> str:
    """Return the address if it is http or https, names a host and hides no credentials; else an empty string.

    >>> link("https://grafana.example/d/1?x=2"), link("javascript:alert(1)"), link("https://user:pw@example.org/")
    ('https://grafana.example/d/1?x=2', '', '')
    """
    if not isinstance(value, str) or len(value) > LINK_LENGTH or value != plain(value, LINK_LENGTH):
        return ""
    try:
        parts = urlsplit(value)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket or a port that is no address
        return ""
    clean = not re.search(r"[\s\"'<>\\^`{|}]", value)
    return value if parts.scheme in ("http", "https") and named and clean and "@" not in parts.netloc else ""
