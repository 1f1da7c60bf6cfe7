"""The alert, and the first screen: what a person reads at three in the morning before anything else."""

from __future__ import annotations

from datetime import datetime

from ontology.nouns import Alert
from workbench.nouns import Case, Coverage, Hypothesis
from workbench.render import graph, metrics, reading
from workbench.render.board import findings_json
from workbench.render.markup import Html, apart, clean, columns, link, tag
from workbench.render.parts import bar, notes, severity, strongest, sure
from workbench.render.sketch import sketch
from workbench.render.view import HYPOTHESIS, View, page
from workbench.render.words import ago, clock, cut, listed, number, short, some, stamp

_PLACES = ("environment", "cluster", "namespace", "service")


def alert_card(alert: Alert, now: datetime) -> View:
    """Return the alert with its labels and links."""
    began = f"since {clock(alert.window.start)} UTC" if alert.window.seconds else ""
    labels = sorted(alert.labels.items())
    rows = [(key, value) for key, value in labels] + [(name, address) for name, address in sorted(alert.links.items())]
    text = f"{_head_text(alert, now, '')}\n{clean(alert.summary)} {began}".rstrip() + "\n" + columns(rows)
    pairs = [tag("tr", tag("th", key, scope="row"), tag("td", value, class_="any")) for key, value in labels]
    body = tag("table", tag("tbody", pairs), class_="pairs")
    return page(
        text,
        _head(alert, now, ""),
        _summary(alert),
        body if labels else tag("p", "No labels.", class_="mute"),
        kind="alert",
    )


def first_screen(case: Case, now: datetime, *, spend: str = "") -> View:
    """Return what stands at the top of an incident's notebook.

    Args:
        case: the case so far.
        now: the time of reading, for `4 min ago`.
        spend: what was spent in words, shown at the end where given.
    """
    found = reading.answer(case)
    lines = _answer(case, found) if found else _not_sure(case)
    also = _also(case, found)
    chosen = sketch(case)
    table = tag("table", tag("tbody", [_line(*line) for line in lines]), class_="lead top")
    body = (
        _head(case.alert, now, case.id),
        _summary(case.alert),
        _rule(),
        table,
        _rule(),
        tag(
            "div",
            apart([*(tag("span", each) for each in also), tag("span", spend, class_="mute") if spend else None]),
            class_="also",
        ),
        _rule(),
        graph.drawing(case, chosen),
        metrics.metrics_strip(case),
    )
    text = "\n".join(
        (
            _head_text(case.alert, now, case.id),
            clean(case.alert.summary),
            columns([(name, value) for name, value, _ in lines], most=160),
            "   ".join(clean(_plain(each)) for each in (*also, spend)),
        )
    )
    return page(text, *body, also={HYPOTHESIS: findings_json(case)}, kind="first")


Line = tuple[str, str, Html | None]
"""A row: its name, its words, and how it is drawn where that differs."""


def _line(name: str, words: str, drawn: Html | None) -> Html:
    return tag("tr", tag("th", name, scope="row"), tag("td", drawn or words))


def _answer(case: Case, found: Hypothesis) -> list[Line]:
    """Say what is most likely, why, what speaks against it, and what to do next."""
    claim = cut(found.claim, 220)
    confirmed = " (confirmed by you)" if found.state == "confirmed" else ""
    lines: list[Line] = [
        (
            "Most likely",
            f"{claim}{confirmed}  {number(found.confidence.value)} {bar(found.confidence.value)}",
            tag("div", tag("span", claim, confirmed, class_="claim"), " ", sure(found.confidence), class_="head"),
        ),
        ("because", cut(_reasons(found), 320), None),
        ("against", cut(notes(strongest(found, "against")) or "nothing found so far", 220), None),
    ]
    return [*lines, *_remembered(case), _next(case, found)]


def _remembered(case: Case) -> list[Line]:
    """Say what happened the last time it looked like this, and what helped."""
    if not case.recollections:
        return []
    first = case.recollections[0]
    episode = first.episode
    helped = f" What helped: {cut(episode.remedy, 100)}." if episode.remedy else ""
    words = f"{cut(episode.claim or episode.alert.title, 120)}, {episode.verdict} {episode.closed:%Y-%m-%d}.{helped}"
    why = f"{number(first.likeness)} alike: {'; '.join(first.why[:2])}"
    drawn = tag("div", words, " ", tag("span", cut(why, 160), class_="mute small"))
    return [("seen before", f"{words} ({cut(why, 160)})", drawn)]


def _reasons(found: Hypothesis) -> str:
    """Return what was seen; where no evidence is held, the reasons of the confidence."""
    return notes(strongest(found, "for")) or "; ".join(found.confidence.because)


def _next(case: Case, found: Hypothesis | None) -> Line:
    steps = list(getattr(reading.finding(case, found), "next_steps", ())) if found else []
    words = steps[0] if steps else (found.next_step if found else "")
    python = (
        "case.run()" if not case.ended else f'case.confirm("{found.id}")' if found else "case.go_further(questions=20)"
    )
    blind = bool(case.coverage) and not _covered(case, ("checked", "silent"))
    other = "mend what failed, then ask again" if blind else "look at the evidence below, or ask further"
    words = cut(words or ("run on to a conclusion" if not case.ended else other), 220)
    return ("next", f"{words}   [{python}]", tag("span", words, " ", tag("code", python, class_="mute")))


def _not_sure(case: Case) -> list[Line]:
    """Say what was checked, what is left and what it would cost: not sure is a result."""
    if not case.steps:
        words = "Nothing has been looked at yet."
        return [("Not yet", words, tag("span", words, class_="claim")), _next(case, None)]
    closest = reading.standing(case)[:1]
    looked = _covered(case, ("checked", "silent"))
    say = (
        "No cause is likely enough to act on."
        if closest
        else f"No cause stands out. {cut(case.note, 160)}".strip()
        if looked
        else "Nothing could be looked at, so nothing can be said."
    )
    near = [
        (
            f"{cut(each.claim, 160)}  {number(each.confidence.value)} {bar(each.confidence.value)}",
            tag("div", tag("span", cut(each.claim, 160)), sure(each.confidence), class_="head"),
        )
        for each in closest
    ]
    return [
        ("Not sure", say, tag("span", say, class_="claim")),
        *(("closest", words, drawn) for words, drawn in near),
        *(("because", cut("; ".join(each.confidence.because), 220), None) for each in closest),
        ("checked", looked or "nothing", None),
        ("left", _covered(case, ("failed", "not asked")) or "nothing: every source has been asked", None),
        ("would cost", _cost(case), None),
        _next(case, None),
    ]


def _covered(case: Case, statuses: tuple[str, ...], most: int = 100) -> str:
    """Return the kinds of telemetry of those statuses, those with the same fate said together."""
    fates: dict[str, list[str]] = {}
    for each in case.coverage:
        if each.status in statuses:
            fates.setdefault(_fate(each, most), []).append(str(each.modality))
    return "; ".join(" ".join(filter(None, (listed(names, 6), fate))) for fate, names in fates.items())


def _fate(each: Coverage, most: int) -> str:
    if each.status == "checked":
        return ""
    return f"({each.status}: {cut(each.note, most).rstrip('.')})" if each.status == "failed" else f"({each.status})"


def _cost(case: Case) -> str:
    """Say what going further would use, from what a step has used so far."""
    steps = max(case.steps, 1)
    asked = max(1, round(case.spent.questions / steps))
    dollars = case.spent.dollars / steps
    money = f"about ${dollars:.2f}" if dollars >= 0.005 else "no money"
    seconds = max(1, round(case.spent.seconds / steps))
    return f"a step asks about {some(asked, 'question')}, takes {seconds} s and costs {money}"


def _also(case: Case, found: Hypothesis | None) -> list[object]:
    """Return the runners-up, how many are ruled out, and what was not checked."""
    rest = [each for each in reading.standing(case) if each is not found and (found or each is not case.top)][:3]
    words: list[object] = [
        tag("span", "Also " if i == 0 else "", cut(each.claim, 58), " ", sure(each.confidence), title=each.claim)
        for i, each in enumerate(rest)
    ]
    out = len(reading.ruled_out(case))
    words += [f"ruled out: {out}"] if out else []
    if not found and case.steps:
        return words  # what was not checked has a line of its own there
    left = _covered(case, ("failed", "not asked"), 40)
    none = "every source was checked" if case.coverage else "no source asked yet"
    return [*words, f"not checked: {left}" if left else none]


def _plain(part: object) -> str:
    import html
    import re

    return html.unescape(re.sub(r"<[^>]*>", "", part)) if isinstance(part, Html) else str(part)


def _where(alert: Alert) -> str:
    found = list(dict.fromkeys(alert.labels[key] for key in _PLACES if alert.labels.get(key)))
    return " / ".join(short(each, 30) for each in found)


def _head(alert: Alert, now: datetime, case_id: str) -> Html:
    fired = tag("span", "fired ", stamp(alert.fired), f" UTC ({ago(alert.fired, now)})")
    title = tag("span", cut(alert.title, 60), class_="title", title=alert.title)
    case = tag("span", short(case_id, 32), class_="mute", title=case_id) if case_id else None
    return tag("div", apart([severity(alert.severity), title, tag("span", _where(alert)), fired, case]), class_="head")


def _head_text(alert: Alert, now: datetime, case_id: str) -> str:
    parts = (
        alert.severity.upper(),
        cut(alert.title, 80),
        _where(alert),
        f"fired {clock(alert.fired)} UTC ({ago(alert.fired, now)})",
        case_id,
    )
    return "   ".join(clean(part) for part in parts if part)


def _summary(alert: Alert) -> Html:
    named = [link(address, name) for name, address in alert.links.items()][:5]
    links = tag("span", apart(named), class_="end links") if named else None
    return tag("div", apart([tag("span", cut(alert.summary, 240)), links]), class_="head")


def _rule() -> Html:
    return tag("div", class_="rule")
