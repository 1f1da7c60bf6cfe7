"""The slowest trace as a waterfall: self time dark, waiting light, the path that made it slow in bold."""

from __future__ import annotations

from workbench.nouns import Case, Failed, Modality, Silent
from workbench.render import reading
from workbench.render.markup import Html, clean, columns, fold, grid, join, picture, tag
from workbench.render.trace import Bar, Trace, slowest
from workbench.render.view import View, page
from workbench.render.words import cut, number, quantity, ratio, short

NAMES, AXIS, TIMES, ROW = 290, 500, 110, 20
WIDTH = NAMES + AXIS + TIMES


def waterfall(case: Case) -> View:
    """Return the slowest anomalous trace; its spans follow as a table."""
    table = reading.rows(case, Modality.TRACES)
    top = case.top
    window = reading.split(case, Modality.TRACES)
    trace = slowest(table, window, top.suspect.name if top else "") if table is not None else None
    say = sentence(case, trace)
    if trace is None:
        return page(say, tag("p", say, class_="say"), kind="traces")
    rows = [_row(each) for each in trace.bars]
    text = f"{say}\n{columns(rows, _HEAD, most=70)}"
    key = (
        "Strong: works itself. Faint: waits. Bold: the path that made it slow. Line under a bar: the median of before."
    )
    hidden = f" {trace.hidden} shorter spans left out." if trace.hidden else ""
    return page(
        text,
        tag("p", say, class_="say"),
        picture(_svg(trace, say), grid(rows, _HEAD)),
        tag("p", key, hidden, class_="mute small"),
        fold("as a table", grid(rows, _HEAD)),
        kind="traces",
    )


def sentence(case: Case, trace: Trace | None) -> str:
    """Say where the time went, or why no trace can be shown."""
    asked = [each.reply for each in case.observations if each.question.modality is Modality.TRACES]
    if not asked:
        return "No trace has been asked for yet; case.step() asks."
    if trace is None:
        failed = [each.words for each in asked if isinstance(each, Failed)]
        silent = [f"looked in {each.searched}, nothing there" for each in asked if isinstance(each, Silent)]
        return "No traces: " + "; ".join(dict.fromkeys(failed + silent) or ["none in the window"]) + "."
    usual = f", {ratio(trace.usual, trace.duration)} the usual {quantity(trace.usual, 'ms')}" if trace.usual else ""
    culprit = trace.culprit
    whole = f"The slowest such trace took {quantity(trace.duration, 'ms')}{usual}"
    if culprit is None:
        return f"{whole}."
    share = f"{number(100 * culprit.self_time / trace.duration)} % of it" if trace.duration else ""
    who = f"{short(culprit.service, 40)} {cut(culprit.operation, 60)}"
    return f"{whole}; {who} itself took {quantity(culprit.self_time, 'ms')}, {share}."


_HEAD = ("service and operation", "took", "itself", "usually", "")


def _row(each: Bar) -> tuple[object, ...]:
    usual = quantity(each.median, "ms") if each.median is not None else "not seen"
    mark = ", ".join(
        filter(None, ("slow path" if each.hot else "", f"{each.alike} alike" if each.alike > 1 else "", _error(each)))
    )
    name = f"{'· ' * each.depth}{each.service} {each.operation}"
    return (name, quantity(each.duration, "ms"), quantity(each.self_time, "ms"), usual, mark)


def _error(each: Bar) -> str:
    return f"error: {clean(each.message) or 'no message'}" if each.failed else ""


def _svg(trace: Trace, say: str) -> Html:
    parts, y = _axis(trace), 24
    for each in trace.bars:
        parts.append(_drawn(each, trace, y))
        y += ROW
        if each.failed:
            parts.append(tag("text", cut(_error(each), 90), x=NAMES, y=y + 11, class_="m"))
            y += ROW - 4
    return tag(
        "svg",
        tag("title", say),
        join(parts),
        viewBox=f"0 0 {WIDTH} {y + 4}",
        width=WIDTH,
        height=y + 4,
        role="img",
        aria_label=f"{say} The table below has every span.",
    )


def _axis(trace: Trace) -> list[Html]:
    """Return the time axis: from the start of the trace to its end, in quarters."""
    drawn = [tag("line", x1=NAMES, x2=NAMES + AXIS, y1=21, y2=21, class_="axis")]
    for quarter in range(5):
        x = NAMES + AXIS * quarter / 4
        words = quantity(trace.duration * quarter / 4, "ms") if quarter else "0"
        drawn.append(tag("line", x1=x, x2=x, y1=18, y2=24, class_="axis"))
        drawn.append(tag("text", words, x=x, y=12, class_="m c"))
    return drawn


def _drawn(each: Bar, trace: Trace, y: int) -> Html:
    """Return the row: name, waiting, self time, the frame of a failure, the median of before, the numbers."""
    per = AXIS / max(trace.duration, 1e-9)
    x, width = NAMES + each.start * per, max(each.duration * per, 1.5)
    indent = min(each.depth, 8) * 11
    name = cut(f"{short(each.service, 22)}  {each.operation}", (NAMES - 12 - indent) // 6)
    took, own = quantity(each.duration, "ms"), quantity(each.self_time, "ms")
    busy = [_block(NAMES + a * per, max((b - a) * per, 1.0), y, "self") for a, b in each.busy]
    end = min(x + (each.median or 0.0) * per, NAMES + AXIS)
    return tag(
        "g",
        tag("title", f"{each.service} {each.operation}: {took}, itself {own}. {_error(each)}"),
        tag("text", name, x=indent, y=y + 12, class_="name"),
        _block(x, width, y, "wait"),
        busy,
        _block(x, width, y, "fault") if each.failed else None,
        tag("line", x1=round(x, 1), x2=round(end, 1), y1=y + 16, y2=y + 16, class_="median") if each.median else None,
        tag(
            "text", took + (f"  {each.alike} alike" if each.alike > 1 else ""), x=NAMES + AXIS + 8, y=y + 12, class_="m"
        ),
        class_="hot" if each.hot else None,
    )


def _block(x: float, width: float, y: int, css: str) -> Html:
    return tag("rect", x=round(x, 1), y=y + 3, width=round(width, 1), height=10, class_=css)
