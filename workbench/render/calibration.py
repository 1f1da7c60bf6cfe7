"""How sure we were and how often that was right, and a slider for the threshold: plotly JSON, a page, plain text.

The slider carries every count with it, so that it moves in a saved page and in a closed notebook, without a kernel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, cast

from memory.calibration import ENOUGH, Calibration, Tally
from workbench.render.markup import clean, columns, tag
from workbench.render.theme import STYLE
from workbench.render.view import PLOTLY, TEXT, View, page
from workbench.render.words import cut

OFFERED = tuple(n / 100 for n in range(50, 100, 5))
"""Thresholds that the plain text tells."""
ROUTES = 8
"""Groups that are told one by one beside the slider."""
INK, FAINT, BRAND = "#7a7a7a", "rgba(128,128,128,0.35)", "#1f7fbf"
"""Inks of middle lightness, for a white page and for a dark one."""
BARS = ("shown, right", "shown, wrong", "shown, no grade", "quiet, right", "quiet, wrong", "quiet, no grade")


def calibration_view(known: Calibration, span: str) -> View:
    """Return the view: an interactive figure, and the same in words.

    Args:
        known: the numbers.
        span: what thresholds are previewed on, in words: `last 30 days`.
    """
    text = told(known, span)
    if not known.found:
        return page(text, tag("p", text, class_="say"), kind="calibration")
    return View({PLOTLY: lambda: figure(known, span), TEXT: clean(text)})


def told(known: Calibration, span: str) -> str:
    """Return the plain text: the sentence, the curve as a table, what thresholds show."""
    if not known.found:
        return f"{sentence(known)}\nWorkers keep what they find: workbench watch. Grade it: workbench grade."
    rows = [(f"{b.said:.2f}", f"{b.right:.2f}", f"{b.low:.2f} to {b.high:.2f}", b.n) for b in known.bins]
    curve = columns(rows, ("held at", "right", "95 % interval", "n"))
    return "\n".join(filter(None, (sentence(known), _figures(known), curve, f"\n{span}:", preview(known))))


def sentence(known: Calibration) -> str:
    """Say whether confidence kept its word here, or that this is not known yet."""
    if not known.found:
        return "Uncalibrated here: nothing was found yet."
    graded = f"{known.graded} of {known.found} findings are graded"
    if not known.enough or known.mean is None or known.right is None:
        return f"Uncalibrated here: {graded}, {ENOUGH} grades are needed."
    return f"{graded}: held at {known.mean:.2f} on average, {known.right:.2f} of them right."


def preview(known: Calibration) -> str:
    """Return a line for the thresholds as they are set, for each route with one of its own, and for others."""
    lines = [f"as set: {known.as_set[''].words}"]
    for group, at in known.thresholds.items():
        if group:
            lines.append(f"{group} at {at:.2f}: {known.as_set.get(group, Tally()).words}")
    lines += [f"all at {at:.2f}: {known.steps[at][''].words}" for at in OFFERED]
    return "\n".join(lines)


def document(known: Calibration, span: str, title: str = "Calibration") -> str:
    """Return calibration.html: the figure with its slider and the text, in one file that asks nothing of a network."""
    drawn = plot(known, span) if known.found else ""
    body = f"<h1>{escape(title)}</h1>{drawn}<pre>{escape(told(known, span))}</pre>"
    look = ":root{color-scheme:light dark}body{background:Canvas;margin:2rem auto;max-width:1180px;padding:0 1rem}"
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{look}</style>{STYLE}"
    return f'<!doctype html><html lang=en><head>{head}</head><body><main class="wb">{body}</main></body></html>'


def plot(known: Calibration, span: str, *, library: bool = True) -> str:
    """Return the figure as HTML; `library` brings plotly itself along, which a page needs once."""
    import plotly.io as pio

    shown = {"displaylogo": False, "responsive": True}
    return str(pio.to_html(figure(known, span), full_html=False, include_plotlyjs=library, config=shown))


def figure(known: Calibration, span: str) -> dict[str, object]:
    """Return plotly JSON: the reliability curve, precision against the share shown, counts, and the slider.

    A step of the slider moves the third, fifth and sixth trace (the threshold on the curve, the point on the precision,
    the counts) and the words above.
    """
    from plotly.subplots import make_subplots

    titles = ("How often was it right?", "How much of what is shown is right?", "What this threshold shows")
    drawn = make_subplots(
        rows=1, cols=3, column_widths=[0.34, 0.34, 0.32], horizontal_spacing=0.11, subplot_titles=titles
    )
    start = min(known.steps, key=lambda at: abs(at - _usual(known)))
    for trace, column in _traces(known, start):
        drawn.add_trace(trace, row=1, col=column)
    for name, column in (("held at (at each point: how many)", 1), ("share shown", 2)):
        drawn.update_xaxes(title_text=name, range=[0, 1.03], row=1, col=column)
        drawn.update_yaxes(range=[0, 1.06], row=1, col=column)
    drawn.update_yaxes(title_text="share right", row=1, col=1)
    drawn.update_yaxes(title_text="share right of what is shown", row=1, col=2)
    most = max(max(_bars(groups[""])) for groups in known.steps.values())
    drawn.update_xaxes(title_text=f"findings, {span}", range=[0, most * 1.15 + 1], row=1, col=3)
    drawn.update_yaxes(autorange="reversed", row=1, col=3)
    drawn.update_xaxes(gridcolor=FAINT, zeroline=False)
    drawn.update_yaxes(gridcolor=FAINT, zeroline=False)
    drawn.update_annotations(font={"size": 13, "color": INK})
    lines = 3 + min(len(known.as_set) - 1, ROUTES + 1)
    drawn.update_layout(**_layout(known, span, start, lines))
    return cast("dict[str, object]", json.loads(drawn.to_json()))


def _usual(known: Calibration) -> float:
    """Return where the slider stands at first: the threshold without labels, else the highest that is set."""
    return known.thresholds.get("", max(known.thresholds.values(), default=0.0))


def _layout(known: Calibration, span: str, start: float, lines: int) -> dict[str, Any]:
    quiet = {"color": INK, "size": 12}
    slider = {
        "active": list(known.steps).index(start),
        "currentvalue": {"prefix": "threshold ", "font": {"color": INK, "size": 14}},
        "pad": {"t": 54},
        "font": {"color": INK, "size": 10},
        "bgcolor": FAINT,
        "activebgcolor": BRAND,
        "bordercolor": FAINT,
        "tickcolor": FAINT,
        "steps": [_step(known, span, at) for at in known.steps],
    }
    return {
        "template": "none",
        "showlegend": False,
        "height": 400 + 16 * lines,
        "margin": {"l": 60, "r": 20, "t": 50 + 16 * lines, "b": 30},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": quiet,
        "title": {"text": _said(known, span, start), "x": 0, "xanchor": "left", "y": 0.98, "yanchor": "top",
                  "font": {"color": INK, "size": 13}},
        "sliders": [slider],
    }  # fmt: skip


def _traces(known: Calibration, at: float) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the six traces with their column."""
    rule = {"color": FAINT, "dash": "dot", "width": 1}
    yield {"type": "scatter", "x": [0, 1], "y": [0, 1], "mode": "lines", "line": rule, "hoverinfo": "skip"}, 1
    yield _curve(known), 1
    mark = {"color": BRAND, "width": 2}
    yield {"type": "scatter", "x": [at, at], "y": [0, 1], "mode": "lines", "line": mark, "hoverinfo": "skip"}, 1
    yield _precisions(known), 2
    point = {"color": BRAND, "size": 12}
    x, y = _point(known, at)
    yield {"type": "scatter", "x": x, "y": y, "mode": "markers", "marker": point, "hoverinfo": "skip"}, 2
    counts = _bars(known.steps[at][""])
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": counts,
        "y": BARS,
        "text": counts,
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [BRAND, INK, FAINT] * 2},
        "hoverinfo": "skip",
    }
    yield bars, 3


def _curve(known: Calibration) -> dict[str, Any]:
    """Return the reliability curve: a point a bin with its interval and its count."""
    return {
        "type": "scatter",
        "x": [each.said for each in known.bins],
        "y": [each.right for each in known.bins],
        "text": [str(each.n) for each in known.bins],
        "textposition": "bottom right",
        "mode": "lines+markers+text",
        "line": {"color": INK, "width": 1},
        "marker": {"color": INK, "size": 8},
        "error_y": {
            "array": [each.high - each.right for each in known.bins],
            "arrayminus": [each.right - each.low for each in known.bins],
            "color": INK,
            "thickness": 1,
        },
        "hovertemplate": "held at %{x:.2f}, %{y:.2f} right, n %{text}<extra></extra>",
    }


def _precisions(known: Calibration) -> dict[str, Any]:
    told = [(at, groups[""]) for at, groups in known.steps.items() if groups[""].precision is not None]
    return {
        "type": "scatter",
        "x": [each.share for _, each in told],
        "y": [each.precision for _, each in told],
        "text": [f"threshold {at:.2f}, {each.shown_graded} graded" for at, each in told],
        "mode": "lines",
        "line": {"color": INK, "width": 1.5, "shape": "hv"},
        "hovertemplate": "%{text}: %{x:.2f} shown, %{y:.2f} of it right<extra></extra>",
    }


def _point(known: Calibration, at: float) -> tuple[list[float | None], list[float | None]]:
    here = known.steps[at][""]
    return [here.share], [here.precision]


def _bars(here: Tally) -> Sequence[int]:
    """Return the counts in the order of `BARS`."""
    return (
        here.shown_right, here.shown_graded - here.shown_right, here.shown - here.shown_graded,
        here.quiet_right, here.quiet_graded - here.quiet_right, here.quiet - here.quiet_graded,
    )  # fmt: skip


def _step(known: Calibration, span: str, at: float) -> dict[str, Any]:
    """Return a step of the slider: what it moves, and what it says."""
    counts, (share, precision) = _bars(known.steps[at][""]), _point(known, at)
    moved = {"x": [[at, at], share, counts], "y": [[0, 1], precision, BARS], "text": [None, None, counts]}
    return {
        "label": f"{at:.2f}",
        "method": "update",
        "args": [moved, {"title.text": _said(known, span, at)}, [2, 4, 5]],
    }


def _said(known: Calibration, span: str, at: float) -> str:
    """Return the words above the figure: the sentence, what this threshold shows, and by route."""
    groups: Mapping[str, Tally] = known.steps[at]
    named = [(name, each) for name, each in groups.items() if name]
    lines = [
        f"<b>{escape(sentence(known))}</b>",
        escape(_figures(known)),
        f"at {at:.2f}, {escape(span)}: <b>{groups[''].words}</b>",
        *(f"{escape(cut(clean(name), 60))}: {each.words}" for name, each in named[:ROUTES]),
    ]
    if len(named) > ROUTES:
        lines.append(f"and {len(named) - ROUTES} more")
    return "<br>".join(lines)


def _figures(known: Calibration) -> str:
    """Say the three figures of the graded findings, those that can be told of so few."""
    figures = (("calibration error", known.ece), ("Brier skill", known.brier_skill), ("AUROC", known.auroc))
    return ", ".join(f"{name} {value:.2f}" for name, value in figures if value is not None)
