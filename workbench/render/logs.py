"""Logs as templates, not lines: how often before and now, new ones on top, one example each.

Templates by Drain (He et al., ICWS 2017) as kept in the drain3 library, over masked messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.nouns import Case, Failed, Modality, Silent
from workbench.render import reading
from workbench.render.markup import Html, clean, columns, fold, grid, join, tag
from workbench.render.view import View, page
from workbench.render.words import cut, number, ratio, short, some

if TYPE_CHECKING:
    import pandas as pd

MOST = 12
DISTINCT = 4000
"""Distinct messages that are mined; rarer ones beyond are counted, not read."""
_SEVERE = ("fatal", "critical", "error", "warn")
_MASKS = (
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "ID"),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "ADDRESS"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", "ID"),
    (r"(?<![A-Za-z])[+-]?\d+(?:[.:]\d+)*", "N"),
)
_VARIABLE = re.compile(r"(<[A-Z*]+>)")


@dataclass(frozen=True, slots=True)
class Template:
    """Messages that differ only in their variable parts."""

    entity: str
    severity: str
    words: str
    """The message with `<N>`, `<ID>`, `<ADDRESS>`, `<*>` for what varies."""
    before: int
    after: int
    rate_before: float
    """Lines per minute, before and now."""
    rate_after: float
    examples: tuple[tuple[str, str], ...]
    """(time of day, message), the first seen ones."""

    @property
    def status(self) -> str:
        """`new`, `gone`, or how far the rate moved."""
        if not self.before:
            return "new"
        times = self.rate_after / self.rate_before
        return (
            "gone" if not self.after else "as before" if 0.7 < times < 1.4 else ratio(self.rate_before, self.rate_after)
        )

    @property
    def news(self) -> float:
        """How much there is to see: 0 for a template that is as frequent as ever."""
        from math import log

        moved = abs(log((self.rate_after + 0.1) / (self.rate_before + 0.1)))
        return moved * (3.0 if self.severity.lower().startswith(_SEVERE) else 1.0)


def templates(table: pd.DataFrame, case: Case) -> tuple[Template, ...]:
    """Return the templates of a logs table (`time, entity, severity, message, ...`), the most telling first."""
    import pandas as pd

    since = reading.split(case, Modality.LOGS).start
    table = table.assign(message=table["message"].map(lambda text: " ".join(clean(text).split())[:600]))
    table = table.assign(words=table["message"].map(_mined(table["message"])), late=table["time"] >= since)
    late = max((table["time"].max() - since).total_seconds() / 60, 1.0)
    early = max((pd.Timestamp(since) - table["time"].min()).total_seconds() / 60, 1.0)
    found = [
        _template(key, rows, early, late)
        for key, rows in table.groupby(["entity", "severity", "words"], sort=True, dropna=False)
    ]
    return tuple(sorted(found, key=lambda each: (bool(each.before), -each.news, -each.after, each.words)))


def _template(key: object, rows: pd.DataFrame, early: float, late: float) -> Template:
    assert isinstance(key, tuple)
    after = int(rows["late"].sum())
    before = len(rows) - after
    seen = rows[rows["late"]] if after else rows
    examples = tuple(
        (f"{time:%H:%M:%S}", str(message))
        for time, message in zip(seen["time"].head(5), seen["message"].head(5), strict=True)
    )
    return Template(clean(key[0]), clean(key[1]), str(key[2]), before, after, before / early, after / late, examples)


def _mined(messages: pd.Series[str]) -> dict[str, str]:
    """Return the template of each message; those beyond DISTINCT that differ in more than numbers share one."""
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(pattern, name) for pattern, name in _MASKS]
    config.drain_sim_th = 0.5
    miner = TemplateMiner(config=config)
    masked = {text: miner.masker.mask(text) for text in messages.unique()}  # most differ in numbers and ids alone
    distinct = list(messages.map(masked).value_counts().index)
    cluster = {text: miner.add_log_message(text)["cluster_id"] for text in distinct[:DISTINCT]}
    words = {each.cluster_id: each.get_template() for each in miner.drain.clusters}
    return {text: words[cluster[bare]] if bare in cluster else "(further messages)" for text, bare in masked.items()}


def logs_view(case: Case, most: int = MOST) -> View:
    """Return the templates: what is new, what is more frequent, what is gone."""
    table = reading.rows(case, Modality.LOGS)
    found = templates(table, case) if table is not None else ()
    say = sentence(case, found)
    if not found:
        return page(say, tag("p", say, class_="say"), kind="logs")
    told, rest = found[:most], found[most:]
    head = ("", "service", "per min before → now", "message")
    body = grid([_row(each) for each in told], head, class_="rows")
    more = (
        fold(f"{some(len(rest), 'further template')}", grid([_row(each) for each in rest[:60]], class_="rows"))
        if rest
        else None
    )
    text = f"{say}\n" + columns([_plain(each) for each in told], head, most=90)
    return page(text, tag("p", say, class_="say"), body, more, kind="logs")


def sentence(case: Case, found: tuple[Template, ...]) -> str:
    """Say what the logs say, or why they say nothing."""
    asked = [each.reply for each in case.observations if each.question.modality is Modality.LOGS]
    if not asked:
        return "No log has been asked for yet; case.step() asks."
    if not found:
        failed = [each.words for each in asked if isinstance(each, Failed)]
        silent = [f"looked in {each.searched}, nothing there" for each in asked if isinstance(each, Silent)]
        return "No logs: " + "; ".join(dict.fromkeys(failed + silent) or ["no lines in the window"]) + "."
    new = [each for each in found if each.status == "new"]
    first = found[0]
    lines = sum(each.before + each.after for each in found)
    if new or first.news > 1:
        how = "New" if first.status == "new" else f"{first.status} as often" if first.status != "gone" else "Gone"
        said = f"“{cut(_VARIABLE.sub('…', first.words), 110)}” ({some(first.after, 'line')})"
        return f"{how} in {short(first.entity, 40)}: {said}; {len(new)} of {some(len(found), 'template')} new."
    return f"Nothing new: {some(len(found), 'template')} over {some(lines, 'line')}, as frequent as before."


def _rates(each: Template) -> str:
    return f"{number(each.rate_before)} → {number(each.rate_after)}"


def _plain(each: Template) -> tuple[object, ...]:
    return (each.status, f"{each.entity} {each.severity}", _rates(each), each.words)


def _row(each: Template) -> tuple[object, ...]:
    status = tag("b", "new") if each.status == "new" else each.status
    lines = tag("pre", "\n".join(f"{time}  {message}" for time, message in each.examples))
    example = fold(f"e.g. {cut(each.examples[0][1], 140)}", lines) if each.examples else None
    counts = tag(
        "span", _rates(each), title=f"{each.before} lines before, {each.after} now", style="white-space:nowrap"
    )
    whose = tag("span", short(each.entity, 32), tag("div", each.severity, class_="mute small"))
    return (status, whose, counts, tag("div", tag("code", _dimmed(cut(each.words, 300))), example))


def _dimmed(words: str) -> Html:
    """Return the template with its variable parts set back."""
    pieces = _VARIABLE.split(words)
    return join(
        tag("span", piece.strip("<>").lower(), class_="var") if i % 2 else piece for i, piece in enumerate(pieces)
    )
