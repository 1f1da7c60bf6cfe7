"""A notice as Slack's blocks: everything that others wrote is text, and buttons only lead back.

Slack reads `&`, `<` and `>` as markup: `<!channel>` wakes everybody, `<@U1>` somebody, `<http://…|name>` is a link.
All three are escaped, so only what is built here is markup, and `verbatim` keeps Slack from finding names and addresses
in what is left. Emphasis (`*`, `_`, `~`) can neither hide nor call anything and stays as it was written.
"""

from __future__ import annotations

import re
from typing import Any

from workbench.notify.notice import Notice, Reason

MOST_TEXT = 3000
"""Characters of a section; Slack refuses the whole message beyond."""
MOST_HEADER = 150
MOST_BUTTONS = 5
MOST_URL = 3000
_MARKS = {"critical": ":red_circle:", "warning": ":large_orange_circle:", "info": ":large_blue_circle:"}

Block = dict[str, Any]


def blocks(notice: Notice) -> list[Block]:
    """Return the message of an incident."""
    reasons = [*_evidence(notice), *_next(notice)] if notice.sure else []
    return [_header(notice), _finding(notice), *reasons, *_buttons(notice), _foot(notice)]


def fallback(notice: Notice) -> str:
    """Return the one line that a phone shows, and what a reader without blocks hears."""
    return cut(f"{escaped(notice.headline)}: {escaped(notice.news)}", MOST_TEXT)


def reply(notice: Notice) -> list[Block]:
    """Return what is said in the thread when something changed that an edit would not tell anybody."""
    over = f"Resolved at {notice.resolved:%H:%M} UTC. " if notice.resolved else ""
    return [_section(f"{over}{escaped(notice.news)}")]


def escaped(text: str) -> str:
    """Return text in which Slack finds no mention and no link.

    >>> escaped("<!channel> a & b")
    '&lt;!channel&gt; a &amp; b'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, most: int) -> str:
    """Return at most so many characters; no entity of the escaping is cut in two."""
    return text if len(text) <= most else re.sub(r"&[a-z]*$", "", text[: most - 1]) + "…"


def _header(notice: Notice) -> Block:
    mark = ":white_check_mark:" if notice.resolved else _MARKS.get(notice.severity, ":white_circle:")
    text = f"{mark} {notice.headline}"
    return {"type": "header", "text": {"type": "plain_text", "text": cut(text, MOST_HEADER), "emoji": True}}


def _finding(notice: Notice) -> Block:
    if not notice.sure:
        return _section(escaped(notice.news))
    about = " · ".join(escaped(each) for each in (notice.suspect, notice.failure_mode) if each)
    because = "".join(f"\n• {escaped(each)}" for each in notice.because)
    return _section(f"*{escaped(notice.claim)}*\n{about} · confidence *{notice.confidence:.2f}*{because}")


def _evidence(notice: Notice) -> list[Block]:
    lines = [_reason(each) for each in notice.evidence]
    return [_section("*Evidence*\n" + "\n".join(lines))] if lines else []


def _reason(each: Reason) -> str:
    link = f" <{_address(each.link)}|look>" if each.link else ""
    return f"• {'' if each.speaks_for else 'against: '}{cut(escaped(each.note), 600)}{link}"


def _next(notice: Notice) -> list[Block]:
    return [_section(f"*Next* {escaped(notice.next_step)}")] if notice.next_step and notice.state == "firing" else []


def _buttons(notice: Notice) -> list[Block]:
    named = {"Open notebook": notice.notebook, **{key.capitalize(): value for key, value in notice.links.items()}}
    elements = [
        {
            "type": "button",
            "text": {"type": "plain_text", "text": cut(text, 75)},
            "url": url,
            "action_id": f"link-{n}",
            **({"style": "primary"} if text == "Open notebook" else {}),
        }
        for n, (text, url) in enumerate(named.items())
        if url and len(url) <= MOST_URL
    ]
    return [{"type": "actions", "elements": elements[:MOST_BUTTONS]}] if elements else []


def _foot(notice: Notice) -> Block:
    over = f" · over since {notice.resolved:%Y-%m-%d %H:%M} UTC" if notice.resolved else ""
    more = f" · {notice.alerts:,} alerts" if notice.alerts > 1 else ""
    text = f"fired {notice.fired:%Y-%m-%d %H:%M} UTC{over}{more} · {escaped(notice.id)}"
    return {"type": "context", "elements": [_text(text)]}


def _section(text: str) -> Block:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> Block:
    return {"type": "mrkdwn", "text": cut(text, MOST_TEXT), "verbatim": True}


def _address(url: str) -> str:
    """Return an address inside `<…|…>`."""
    for sign, instead in (("&", "&amp;"), ("<", "%3C"), (">", "%3E"), ("|", "%7C")):
        url = url.replace(sign, instead)
    return url
