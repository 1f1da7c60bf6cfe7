"""Chat threads -> a draft of what was learned, by rules: problem, dead ends, fix, links, each with its message.

    draft = drafted(read(Path("thread.json")))
    draft.statements[0]         # Statement("problem", "checkout is slow since the deploy", "ann", "1767225600.000100")

Read are a Slack export (a list of messages, JSON), and Markdown or plain text with a line `name: words` a message, with
or without a time before it. It is a draft and says so: nothing is remembered before a person accepts it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ontology.errors import BadInput

KINDS = ("problem", "dead end", "fix", "link", "fact")


@dataclass(frozen=True, slots=True)
class Message:
    """What one person said at once."""

    id: str
    """The sender's own mark of it: Slack's `ts`, or the line it begins on, as `line 3`."""
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that the thread says, in the words of its message."""

    kind: str
    """One of KINDS."""
    text: str
    who: str
    message: str
    """Id of the message that it comes from."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a thread may teach, not yet accepted by anyone."""

    statements: tuple[Statement, ...]
    made_by: str = "rules, a draft: read it before you accept it"

    def of(self, kind: str) -> tuple[Statement, ...]:
        """Return the statements of that kind, in the order of the thread."""
        return tuple(each for each in self.statements if each.kind == kind)


_LINE = re.compile(
    r"^\s*(?:[-*]\s+)?(?:\[?\d{4}-\d\d-\d\d[T ]?[\d:.]*Z?\]?|\[?\d{1,2}:\d\d(?::\d\d)?(?:\s?[AP]M)?\]?)?[\s,-]*"
    r"(?:\*\*|@)?(?P<who>[A-Za-z][\w.'-]*(?: [A-Z][\w.'-]*)?)(?:\*\*)?\s*(?:\([^)]*\))?:(?:\*\*)?\s+(?P<text>\S.*)$"
)
_LINK = re.compile(r"https?://[^\s|>)\]]+")
_CHANGE = re.compile(r"/(?:pull|merge_requests|pull-requests|commit)/[\w-]+")
_NOT = re.compile(
    r"\b(?:didn'?t help|did not help|no (?:luck|effect|change|difference)|not the (?:cause|problem|issue|culprit)"
    r"|rul(?:ed|ing) out|wasn'?t (?:it|that)|isn'?t (?:it|that)|red herring|still (?:failing|broken|slow|down))\b",
    re.IGNORECASE,
)
_FIXED = re.compile(
    r"\b(?:fixed|resolved|mitigated|recovered|back to normal|that (?:did it|was it)|rolled back|rolling back|reverted"
    r"|root cause|the cause (?:is|was)|turned out)\b",
    re.IGNORECASE,
)
_FACT = re.compile(
    r"\b(?:depends on|is owned by|owns|talks to|calls|runs on|is (?:short for|called|known as)|stands for|always|never"
    r"|note that|remember that|fyi|btw)\b",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"\b(?:alert|paged?|down|slow|fail(?:s|ed|ing|ure)?|errors?|broken|timeouts?|timing out|latency|outage|spik\w+"
    r"|5\d\d)\b",
    re.IGNORECASE,
)


def _as_it_is(text: str) -> str:
    return text


def read(path: Path, redact: Callable[[str], str] = _as_it_is) -> tuple[Message, ...]:
    """Return the messages of a thread, in its order; `redact` takes secrets out of their words.

    Raises:
        BadInput: it cannot be read, or holds no message.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = tuple(_exported(json.loads(text)) if path.suffix == ".json" else _told(text))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{path.name} cannot be read: {error}.", next_step="Name a Slack export or a text.") from error
    if not found:
        raise BadInput(f"{path.name} holds no message.", next_step="Write a line a message: name: words.")
    return tuple(replace(each, text=redact(each.text)) for each in found)


def drafted(messages: Sequence[Message]) -> Draft:
    """Return what the thread says, by rules: the first trouble is the problem, and the last word on a fix counts.

    A question states nothing, save that it tells the problem or links a change.
    """
    statements: list[Statement] = []
    for message in messages:
        asked = message.text.rstrip().endswith("?")
        known = {each.kind for each in statements}
        for kind in _kinds(message.text, asked, "problem" in known):
            statements.append(Statement(kind, message.text, message.who, message.id))
        for link in _LINK.findall(message.text):
            if _CHANGE.search(link):
                statements.append(Statement("link", link, message.who, message.id))
    return Draft(tuple(statements))


def _kinds(text: str, asked: bool, told: bool) -> Iterator[str]:
    if not told and _WRONG.search(text):
        yield "problem"
    elif not asked and _NOT.search(text):
        yield "dead end"
    elif not asked and _FIXED.search(text):
        yield "fix"
    if not asked and _FACT.search(text):
        yield "fact"


def _exported(payload: Any) -> Iterator[Message]:
    """Yield what people said in a Slack export: a list of messages, or an answer with a list of them."""
    rows = payload.get("messages", []) if isinstance(payload, dict) else payload
    for row in sorted(rows, key=lambda each: float(each.get("ts", 0))):
        text = _plain(str(row.get("text", "")))
        if text and row.get("type", "message") == "message" and row.get("subtype") in (None, "thread_broadcast"):
            profile = row.get("user_profile") or {}
            who = profile.get("display_name") or profile.get("real_name") or row.get("user") or "someone"
            yield Message(str(row.get("ts", "")), str(who), text)


def _plain(text: str) -> str:
    """Return Slack's markup as a reader sees it."""
    text = re.sub(r"<(https?://[^|>]+)(?:\|[^>]*)?>", r"\1", text)
    text = re.sub(r"<[@#!][^|>]*\|([^>]+)>", r"\1", text)
    text = re.sub(r"<[@#!]([^>]+)>", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _told(text: str) -> Iterator[Message]:
    """Yield the messages of a text; a line that begins none belongs to the one before."""
    began, who, words = 0, "", list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.match(line)
        if found:
            if words:
                yield Message(f"line {began}", who, "\n".join(words))
            began, who, words = number, found["who"], [found["text"].strip()]
        elif words and line.strip():
            words.append(line.strip())
    if words:
        yield Message(f"line {began}", who, "\n".join(words))
