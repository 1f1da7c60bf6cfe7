"""Witnesses: what the alert itself states of the entity that it names, and whom log lines say that got no answer.

Most alerts tell of a symptom, which travels from callee to caller. Some name a state that an entity has by itself: a
certificate that expired, a process that was killed for memory, a full disk, a target that answers nobody. That is no
symptom that came along a call, so what the callers of that entity show follows from it.

A caller that fails says whom it called: `GET /stock on stock failed: Connection refused`. Words as the standard
libraries and resolvers of the common languages print them. A line that names several of its callees tells of none.
A caller that timed out tells of a callee that hangs where traces show that the callee served nobody meanwhile.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from workbench.nouns import Modality
from workbench.reasoning.statistical.ranking import FOLLOWS
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Family, Sign, counted
from workbench.reasoning.statistical.templates import Template, templates

STATED = 2.0
"""Nats of a state that the alert itself states of an entity: even odds with nothing at all, as long as it is alone."""
ANSWERED = 0.8
"""Weight of lines about no answer: the speaker may be cut off itself."""
_STATES = (
    ("certificate", re.compile(r"certificate|\bcert\b|\btls\b.{0,40}expire", re.IGNORECASE)),
    ("crash-loop", re.compile(r"crash.?loop|restarts? (?:again and again|too often)", re.IGNORECASE)),
    ("memory-pressure", re.compile(r"oom.?kill|out of memory", re.IGNORECASE)),
    ("disk-full", re.compile(r"disk.{0,20}full|filesystem.{0,40}(?:full|out of space)|no space left", re.IGNORECASE)),
    ("dependency-down", re.compile(r"target.?down|does not answer the scrape|instance.?down", re.IGNORECASE)),
)
"""Failure mode and the words of the rules that state it (kube-prometheus, blackbox and node exporter mixins)."""
_SILENT = (
    (
        "name-resolution",
        re.compile(
            r"ENOTFOUND|EAI_AGAIN|UnknownHost|no such host|name or service not known|name resolution", re.IGNORECASE
        ),
    ),
    ("dependency-down", re.compile(r"connection refused|ECONNREFUSED|no route to host|EHOSTUNREACH", re.IGNORECASE)),
)
"""Failure mode of the callee and the words of a caller that reached nobody."""
_WAITED = re.compile(r"timed?.?out|ETIMEDOUT|deadline exceeded|request was aborted", re.IGNORECASE)
"""Words of a caller that waited in vain: who is slow may have answered, so traces have to show that it was mute."""
_LOST = re.compile(rf"{_WAITED.pattern}|ECONNRESET|reset by peer|closed connection|hang.?up|broken pipe", re.IGNORECASE)
"""Words of a caller whose call was lost on the way or given up."""


@dataclass(slots=True)
class _Unreached:
    """What was said of one entity that gave no answer."""

    mode: str
    lines: list[Template] = field(default_factory=list)
    speakers: set[str] = field(default_factory=set)


def stated(seen: Seen) -> Iterator[Sign]:
    """Yield the state that the alert itself states of its entity, and that its callers' symptoms follow from it."""
    shown = next((each for each in seen.case.observations if each.table is not None), None)
    spoken = f"{seen.case.alert.title} {seen.case.alert.summary}"
    for entity in seen.case.scope:  # a name is no complaint
        spoken = spoken.replace(entity.name, " ")
    mode = next((mode for mode, words in _STATES if words.search(spoken)), "")
    if seen.target is None or shown is None or not mode:
        return
    note = f"the alert itself states it: {seen.case.alert.summary or seen.case.alert.title}"
    yield Sign(seen.target, Family.STATE, STATED, note, shown.id, shown.question.modality, mode=mode)
    for caller in sorted(seen.graph.above(seen.target)):
        note = f"what {caller} shows follows from {seen.target}: {seen.case.alert.summary}"
        yield Sign(caller, Family.STATE, -1.0, note, shown.id, shown.question.modality, hint=FOLLOWS)


def unreached(seen: Seen) -> Iterator[Sign]:
    """Yield whom the callers' new loud lines name as reached by nobody."""
    found: defaultdict[str, _Unreached] = defaultdict(lambda: _Unreached(""))
    mute = {each.service for each in seen.traced.failing if each.unreachable} if seen.traced else set()
    for each in templates(seen.case, seen.since):
        mode = next((mode for mode, words in _SILENT if words.search(each.template)), "")
        callees = {name for name in seen.graph.callees(each.entity) if _names(each.template, name)}
        if not mode and callees <= mute and _WAITED.search(each.template):
            mode = "hang"
        elif not mode and len(callees) == 1 and _LOST.search(each.template):
            yield _unanswered(each, callees.pop())
        if mode and len(callees) == 1:
            its = found[callees.pop()]
            its.mode = its.mode or mode
            its.lines.append(each)
            its.speakers.add(each.entity)
    for name, its in sorted(found.items()):
        count = sum(line.count for line in its.lines)
        first = its.lines[0]
        speakers = ", ".join(sorted(its.speakers))
        note = f"{speakers} reached nobody there {count} times: {first.template}"
        nats = ANSWERED * counted(count)
        yield Sign(name, Family.STATE, nats, note, first.observation, Modality.LOGS, mode=its.mode, at=first.first)
        for speaker in sorted(its.speakers):
            note = f"what {speaker} says follows from {name}: {first.template}"
            yield Sign(speaker, Family.STATE, -1.0, note, first.observation, Modality.LOGS, hint=FOLLOWS)


def _unanswered(line: Template, callee: str) -> Sign:
    """Return a sign that weighs nothing: some calls had no answer, which tells loss from delay where others had one."""
    note = f"{line.entity} had no answer from it {line.count} times: {line.template}"
    return Sign(callee, Family.LOGS, 0.0, note, line.observation, Modality.LOGS, hint="unanswered", at=line.first)


def _names(text: str, name: str) -> bool:
    """Say whether the text has the name as a word of its own."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None
