"""What Slack makes of blocks, near enough to look at: a plain page, light or dark, of the blocks that we send."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape
from typing import Any

_DOTS = {
    ":red_circle:": "#dd2e44",
    ":large_orange_circle:": "#f4900c",
    ":large_blue_circle:": "#55acee",
    ":white_circle:": "#ccd6dd",
    ":white_check_mark:": "#77b255",
}
"""Emoji as dots of their colour: not every machine has a font for them."""
_STYLE = """
body { font: 15px/1.46 Lato, "Noto Sans", sans-serif; max-width: 640px; margin: 16px; color: #1d1c1d; background: #fff }
h3 { font-size: 18px; margin: 8px 0 } p { margin: 8px 0; white-space: pre-wrap }
.small { color: #616061; font-size: 12px } a { color: #1264a3; text-decoration: none }
hr { border: 0; border-top: 1px solid #8884; margin: 16px 0 }
.b { display: inline-block; border: 1px solid #8888; border-radius: 4px; padding: 4px 12px; margin: 4px 8px 4px 0;
font-weight: 700; color: inherit } .primary { background: #007a5a; color: #fff }
i { display: inline-block; width: 14px; height: 14px; border-radius: 7px }
.dark { color: #d1d2d3; background: #1a1d21 } .dark a:not(.b) { color: #1d9bd1 } .dark .small { color: #ababad }
"""


def page(messages: Sequence[Sequence[dict[str, Any]]], *, dark: bool = False) -> str:
    """Return a page that shows messages, each a list of blocks, one below the other."""
    shown = "<hr>".join("".join(map(_block, blocks)) for blocks in messages)
    return f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style><body class="{"dark" * dark}">{shown}</body>'


def _block(block: dict[str, Any]) -> str:
    if block["type"] == "header":
        return f"<h3>{_emoji(escape(block['text']['text']))}</h3>"
    if block["type"] == "section":
        return f"<p>{_marked(block['text']['text'])}</p>"
    if block["type"] == "context":
        return f'<p class="small">{"<br>".join(_marked(each["text"]) for each in block["elements"])}</p>'
    return "".join(
        f'<a class="b {each.get("style", "")}" href="{escape(each["url"])}">{escape(each["text"]["text"])}</a>'
        for each in block["elements"]
    )


def _marked(text: str) -> str:
    """Return Slack's markup as HTML: links, then bold; all else is text."""
    parts = re.split(r"<([^|>]+)\|([^>]+)>", text)
    shown = [escape(unescape(part)) for part in parts]
    links = [f'<a href="{shown[n]}">{shown[n + 1]}</a>' for n in range(1, len(shown), 3)]
    joined = "".join(one for pair in zip(shown[::3], [*links, ""], strict=True) for one in pair)
    return _emoji(re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<b>\1</b>", joined))


def _emoji(text: str) -> str:
    for name, colour in _DOTS.items():
        text = text.replace(name, f'<i style="background: {colour}"></i>')
    return text
