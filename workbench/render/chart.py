"""A small chart of one metric over time, as SVG: the finding as its title, no legend, readable in black and white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from ontology.nouns import Window
from workbench.render.markup import Html, join, tag
from workbench.render.reading import Mark
from workbench.render.words import clock, cut, number, scale

WIDTH, HEIGHT = 300, 140
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 34, 20
TITLE = 6.8
"""Pixels that a letter of the title takes on average."""

Points = Sequence[tuple[datetime, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """What a small chart shows; values in the metric's own unit."""

    title: str
    points: Points
    unit: str = ""
    siblings: tuple[Points, ...] = ()
    """The same metric of a few other entities."""
    band: tuple[Points, ...] = ()
    """Lower and upper edge of the same metric where it has many other entities."""
    trouble: Window | None = None
    """Its start parts before from after."""
    change: datetime | None = None
    marks: tuple[Mark, ...] = field(default=())
    span: Window | None = None
    """The shared time axis of the section."""


def draw(chart: Chart, width: int = WIDTH, height: int = HEIGHT) -> Html:
    """Return the chart as an SVG figure with its text alternative."""
    frame = _Frame(chart, width, height)
    parts = [
        tag("text", cut(chart.title, int(width / TITLE)), x=0, y=12, class_="t"),
        frame.shade(),
        frame.scales(),
        frame.siblings(),
        frame.marks(),
        frame.line(),
    ]
    return tag(
        "svg",
        tag("title", chart.title),
        join(parts),
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=f"{chart.title}. {frame.spoken()}",
    )


class _Frame:
    """Time and value to pixels, for one chart."""

    def __init__(self, chart: Chart, width: int, height: int) -> None:
        self.chart, self.right, self.bottom = chart, width - RIGHT, height - BOTTOM
        span = chart.span or _span(chart.points)
        self.begin, self.seconds = span.start, max(span.seconds, 1.0)
        values = [value for _, value in chart.points]
        most, least = max(values, default=1.0), min(values, default=0.0)
        near = [v for points in chart.siblings for _, v in points if least - (most - least) <= v <= most * 1.15]
        most, least = max([most, *near]), min([least, *near])
        self.low = 0.0 if least >= 0 else least
        self.high = most if most > self.low else self.low + 1.0
        self.divisor, self.unit = scale(max(abs(self.high), abs(self.low)), chart.unit)

    def x(self, moment: datetime) -> float:
        share = (moment - self.begin).total_seconds() / self.seconds
        return round(LEFT + min(max(share, 0.0), 1.0) * (self.right - LEFT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.bottom - min(max(share, 0.0), 1.05) * (self.bottom - TOP), 1)

    def shade(self) -> Html | None:
        """Shade what lies before the trouble."""
        if not self.chart.trouble:
            return None
        width = self.x(self.chart.trouble.start) - LEFT
        return tag("rect", x=LEFT, y=TOP, width=max(width, 0), height=self.bottom - TOP, class_="before")

    def scales(self) -> Html:
        """Draw the value axis with its unit at zero and at the top, and the shared time axis."""
        end = self.begin.timestamp() + self.seconds
        top = number(self.high / self.divisor)
        return join(
            [
                tag("line", x1=LEFT, x2=self.right, y1=self.bottom, y2=self.bottom, class_="axis"),
                tag("line", x1=LEFT, x2=self.right, y1=self.y(self.high), y2=self.y(self.high), class_="gridline"),
                tag("text", _joined(top, self.unit), x=LEFT - 4, y=self.y(self.high) + 4, class_="m e"),
                tag("text", number(self.low / self.divisor), x=LEFT - 4, y=self.bottom, class_="m e"),
                tag("text", clock(self.begin), x=LEFT, y=self.bottom + 14, class_="m"),
                tag(
                    "text",
                    f"{clock(datetime.fromtimestamp(end, self.begin.tzinfo))} UTC",
                    x=self.right,
                    y=self.bottom + 14,
                    class_="m e",
                ),
            ]
        )

    def siblings(self) -> Html:
        """Draw the same metric elsewhere: thin lines, or one band from the fifth to the ninety-fifth percentile."""
        if not self.chart.band:
            return join(_polyline(self, points, "sibling") for points in self.chart.siblings)
        low, high = (thinned(edge, 80) for edge in self.chart.band)
        corners = [f"{self.x(moment)},{self.y(value)}" for moment, value in [*high, *reversed(low)]]
        return tag("polygon", points=" ".join(corners), class_="band")

    def marks(self) -> Html:
        """Draw deploys, changes and the alert as dashed lines with a word, words that would touch left out."""
        drawn, last = [], -100.0
        for mark in self.chart.marks:
            at = self.x(mark.at)
            drawn.append(tag("line", x1=at, x2=at, y1=TOP - 6, y2=self.bottom, class_="event"))
            if mark.kind != "onset" and at - last > 44:
                end = at > self.right - 30
                drawn.append(tag("text", mark.kind, x=at, y=TOP - 9, class_="m e" if end else "m c"))
                last = at
        return join(drawn)

    def line(self) -> Html:
        """Draw the series with its gaps, its change point, and its last value as the direct label."""
        chart = self.chart
        parts = [_polyline(self, chart.points, "series")]
        if chart.change:
            at = self.x(chart.change)
            parts.append(tag("line", x1=at, x2=at, y1=TOP, y2=self.bottom, class_="change"))
            parts.append(tag("path", d=f"M{at - 4},{self.bottom + 1}h8l-4,-7z", class_="dot"))
        if chart.points:
            moment, value = chart.points[-1]
            parts.append(tag("circle", cx=self.x(moment), cy=self.y(value), r=2.5, class_="dot"))
        return join(parts)

    def spoken(self) -> str:
        if not self.chart.points:
            return "No points."
        first, last = self.chart.points[0][1], self.chart.points[-1][1]
        unit = self.unit
        return f"From {number(first / self.divisor)} to {number(last / self.divisor)} {unit}".strip() + "."


def _polyline(frame: _Frame, points: Points, css: str) -> Html:
    """Return the line, broken where points are missing for more than three usual steps."""
    points = thinned(points, 110)
    if not points:
        return Html("")
    steps = sorted((b[0] - a[0]).total_seconds() for a, b in pairwise(points))
    gap = 3.5 * steps[len(steps) // 2] if steps else 0.0
    path, last = [], None
    for moment, value in points:
        joined = last is not None and (moment - last).total_seconds() <= gap
        path.append(f"{'L' if joined else 'M'}{frame.x(moment)},{frame.y(value)}")
        last = moment
    return tag("path", d="".join(path), class_=css)


def thinned(points: Points, most: int) -> Points:
    """Return at most about that many points, keeping the extremes of each stretch: spikes survive."""
    if len(points) <= most:
        return points
    size = -(-len(points) * 2 // most)
    kept: list[tuple[datetime, float]] = []
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        ends = {min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])}
        kept.extend(sorted(ends))
    return [*kept, points[-1]] if kept[-1] != points[-1] else kept


def _joined(value: str, name: str) -> str:
    return f"{value}{name}" if name.startswith("/") else f"{value} {name}".strip()


def _span(points: Points) -> Window:
    return Window(points[0][0], points[-1][0]) if points else Window.of(0, 1)
