"""HTML that cannot be injected into: every string is cleaned and escaped unless this module made it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import urlsplit

_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|.)|\x9b[0-?]*[ -/]*[@-~]"
)
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*\Z")
_VOID = {"br", "hr", "col"}


def clean(text: object) -> str:
    r"""Return the text without terminal escapes, control characters and marks that reorder or hide text.

    >>> clean("a\x1b[31mb\u202ec")
    'abc'
    """
    return _UNSEEN.sub("", _ANSI.sub("", str(text)))


class Html(str):
    """A string that is HTML already."""

    __slots__ = ()


def tag(_name: str, *children: object, **attributes: object) -> Html:
    """Return an element; children are escaped, or nested when they are `Html`, or flattened when they are a series.

    An attribute's underscores become dashes, `class_` is `class`; None and False leave it out.

    >>> tag("b", "1 < 2", class_="x", aria_label='"')
    '<b class="x" aria-label="&quot;">1 &lt; 2</b>'
    """
    opening = _name + "".join(_attribute(name, value) for name, value in attributes.items())
    return Html(f"<{opening}>") if _name in _VOID else Html(f"<{opening}>{join(children)}</{_name}>")


def join(children: Iterable[object]) -> Html:
    """Return the children one after the other, escaped."""
    return Html("".join(_child(child) for child in children))


def _child(child: object) -> str:
    if child is None or child is False:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, list | tuple):
        return join(child)
    return escape(clean(child))


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if (
        not _NAME.match(name)
        or name.lower().startswith("on")
        or (name in {"href", "src"} and not isinstance(value, Html))
    ):
        raise ValueError(f"attribute {name!r} is not for views; addresses go through link()")
    return f' {name}="{escape(clean(value))}"'


def link(address: str, label: object) -> Html:
    """Return a link that leaves safely, or the bare label when the address is not a plain http(s) one.

    >>> link("javascript:alert(1)", "runbook")
    'runbook'
    """
    address = clean(address).strip()
    if not _web(address):
        return join([label])
    return tag("a", label, href=Html(address), target="_blank", rel="noopener noreferrer")


def _web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def columns(rows: Iterable[Iterable[object]], head: Iterable[str] = (), most: int = 60) -> str:
    """Return rows as aligned plain text, cells cleaned and cut to `most` characters.

    >>> print(columns([("a", 1), ("bcd", 22)]))
    a    1
    bcd  22
    """
    table = [[_cell(cell, most) for cell in row] for row in (tuple(head), *rows) if row]
    if not table:
        return ""
    widths = [max(len(row[i]) for row in table if i < len(row)) for i in range(max(map(len, table)))]
    return "\n".join("  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in table)


def _cell(cell: object, most: int) -> str:
    text = " ".join(clean(cell).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def grid(rows: Iterable[Iterable[object]], head: Iterable[object] = (), **attributes: object) -> Html:
    """Return an HTML table of the rows, with a head row where one is given."""
    top = tag("thead", tag("tr", [tag("th", cell, scope="col") for cell in head])) if head else None
    body = tag("tbody", [tag("tr", [tag("td", cell) for cell in row]) for row in rows])
    return tag("table", top, body, **attributes)


def fold(summary: object, *children: object, open_: bool = False) -> Html:
    """Return a block that opens with a click or the keyboard."""
    return tag("details", tag("summary", summary), *children, open="open" if open_ else None)


def picture(drawing: Html, instead: Html) -> Html:
    """Return the drawing with a table behind it.

    A notebook that is not trusted loses `<style>` and `<svg>` to JupyterLab's sanitiser: there the inline style hides
    what is left of the drawing, and the table, which the stylesheet hides, is seen.
    """
    return join(
        [
            tag("div", drawing, class_="wb-drawn", style="display:none"),
            tag("div", instead, class_="wb-instead"),
        ]
    )


def apart(parts: Iterable[object]) -> list[object]:
    """Return the parts with a stroke between them, which only a reader without the stylesheet sees."""
    shown = [part for part in parts if part]
    return [piece for part in shown for piece in (part, tag("span", " | ", class_="wb-instead"))][:-1]
