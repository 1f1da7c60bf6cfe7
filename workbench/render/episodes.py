"""What we remember that is like this: how alike, why, what helped, and how often it was right."""

from __future__ import annotations

from datetime import datetime

from memory.protocol import Recollection
from memory.track_record import track_record
from workbench.nouns import Case
from workbench.render.markup import Html, columns, grid, tag
from workbench.render.view import View, page
from workbench.render.words import ago, cut, listed, number, some


def episodes_view(case: Case, now: datetime) -> View:
    """Return the recollections, most alike first."""
    say = sentence(case)
    text = f"{say}\n" + columns([_plain(each, case, now) for each in case.recollections], _HEAD, most=70)
    body = (
        grid([_row(each, case, now) for each in case.recollections], _HEAD, class_="rows")
        if case.recollections
        else None
    )
    return page(text.rstrip() if case.recollections else say, tag("p", say, class_="say"), body, kind="episodes")


_HEAD = ("alike", "what it was", "why it is alike", "what helped", "how it ended")


def sentence(case: Case) -> str:
    """Say what is most alike, or that nothing is."""
    if not case.recollections:
        return "Nothing like this is remembered."
    first = case.recollections[0]
    cause = first.episode.claim or first.episode.alert.title
    return f"Most alike ({number(first.likeness)}): {cut(cause, 140)}, {first.episode.verdict}."


def right(recollection: Recollection, case: Case) -> str:
    """Say how often this cause was confirmed among what is remembered here."""
    mode = (recollection.episode.cause, recollection.episode.failure_mode)
    same = [each.episode for each in case.recollections if (each.episode.cause, each.episode.failure_mode) == mode]
    record = track_record(same, recollection.episode.failure_mode)
    judged = record.right + record.wrong
    if not judged or recollection.episode.cause is None:
        return ""
    return f"right {record.right} of {some(judged, 'time')}"


def _plain(each: Recollection, case: Case, now: datetime) -> tuple[object, ...]:
    episode = each.episode
    ended = ", ".join(filter(None, (str(episode.verdict), right(each, case), ago(episode.closed, now))))
    return (
        number(each.likeness),
        episode.claim or episode.alert.title,
        listed(list(each.why)),
        episode.remedy or "not noted",
        ended,
    )


def _row(each: Recollection, case: Case, now: datetime) -> tuple[object, ...]:
    alike, claim, why, remedy, ended = _plain(each, case, now)
    return (tag("b", alike), tag("div", claim, _whom(each)), why, remedy, tag("div", ended, _where(each)))


def _whom(each: Recollection) -> Html:
    cause = each.episode.cause
    words = f"{cause.name}, {each.episode.failure_mode.replace('-', ' ')}" if cause else "no cause named"
    return tag("div", words, class_="mute small")


def _where(each: Recollection) -> Html | None:
    return tag("div", tag("code", each.episode.notebook), class_="small") if each.episode.notebook else None
