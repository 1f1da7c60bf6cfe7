"""Text from outside, made safe to show to a model: no control, direction or invisible characters, a length cap.

Such characters hide instructions from the person who reads the same text (tag characters U+E0000 to U+E007F, bidi
overrides, zero-width characters, variation selectors). Nothing visible is rewritten.
"""

from __future__ import annotations

import re
import unicodedata

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
"""Terminal sequences: colours, cursor moves, titles and links."""
KEPT = frozenset("\n\t")
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Unicode categories that a reader does not see: control, format, surrogate, private use, unassigned."""


def quoted(text: str, limit: int) -> str:
    """Return the text without what a reader cannot see, cut to `limit` characters with a note of what is missing.

    >>> quoted("ok" + chr(0x202E) + chr(0xE0041) + chr(27) + "[31m!", 10)
    'ok!'
    >>> quoted("abcdef", 3)
    'abc… (3 more)'
    """
    seen = "".join(filter(_visible, ANSI.sub("", text[: 4 * limit])))
    if len(text) <= limit or (len(text) <= 4 * limit and len(seen) <= limit):
        return seen
    return f"{seen[:limit]}… ({len(text) - limit} more)"


def _visible(character: str) -> bool:
    if character in KEPT:
        return True
    point = ord(character)
    if 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF:  # variation selectors carry hidden bytes
        return False
    return unicodedata.category(character) not in HIDDEN
