"""What moved: three to six small charts on one time axis, the finding as the title of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from ontology.nouns import Window
from workbench.nouns import Case, Modality
from workbench.render import reading
from workbench.render.chart import TITLE, WIDTH, Chart, Points, draw
from workbench.render.markup import Html, clean, columns, fold, grid, picture, tag
from workbench.render.view import PLOTLY, View, page
from workbench.render.words import clock, listed, metric_words, quantity, ratio, short, some, unit
from workbench.signals import Shift, shift

if TYPE_CHECKING:
    import pandas as pd

MOST = 6
FEW = 4
"""Siblings drawn as lines; more are a band."""
LOOKED_AT = 60
"""Series that are examined closely, of however many."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One metric of one entity, and how it shifted."""

    entity: str
    metric: str
    shift: Shift | None

    @property
    def moved(self) -> bool:
        """Say whether it left its usual band."""
        return self.shift is not None and self.shift.moved

    @property
    def words(self) -> str:
        """`payment db pool in use 4.1 to 20 since 02:53`."""
        return self.said(22)

    @property
    def title(self) -> str:
        """The words in the width of a small chart: a long name gives way first."""
        tries = [self.said(most) for most in (22, 16, 12, 9)]
        return next((words for words in tries if len(words) <= WIDTH / TITLE), tries[-1])

    def said(self, most: int) -> str:
        """Say it with the entity's name cut to that many letters."""
        name = f"{short(self.entity, most)} {metric_words(self.metric)}"
        if self.shift is None or not self.shift.moved:
            return f"{name}: no clear change"
        since = f" since {clock(self.shift.at)}" if self.shift.at else ""
        return f"{name} {_jump(self.shift, unit(self.metric))}{since}"


def _jump(moved: Shift, of: str) -> str:
    times = moved.ratio
    if times is not None and (times >= 3 or times <= 1 / 3):
        return f"{ratio(moved.before, moved.after)} ({quantity(moved.after, of)})"
    return f"{quantity(moved.before, of)} to {quantity(moved.after, of)}"


def movers(case: Case, most: int = MOST) -> tuple[Moved, ...]:
    """Return the metrics to look at: that of the alert, then the suspect's, then whatever moved most.

    A metric is shown for one entity only, unless it is the suspect's; what did not move only fills up to three.
    """
    table = reading.rows(case, Modality.METRICS)
    if table is None:
        return ()
    every = sorted(_shifts(table, reading.split(case, Modality.METRICS).start), key=_strength)
    top = case.top
    suspect = top.suspect.name if top else ""
    symptom = {entity.name for entity in reading.alerting(case)}
    first = [each for each in every if each.entity in symptom and each.entity != suspect and each.moved][:1]
    second = [each for each in every if each.entity == suspect and each.moved][:2]
    chosen: list[Moved] = []
    for each in [*first, *second, *every]:
        worth = each.moved or len(chosen) < 3
        if worth and each not in chosen and (each in second or each.metric not in {one.metric for one in chosen}):
            chosen.append(each)
    return tuple(chosen[:most])


def _strength(each: Moved) -> tuple[float, str, str]:
    return (-abs(each.shift.z) if each.shift else 0.0, each.entity, each.metric)


def _shifts(table: pd.DataFrame, since: datetime) -> list[Moved]:
    """Return the series that moved most with their shifts; a quick look decides which are worth a thorough one."""
    table = table.dropna(subset=["value"])
    by = [table["entity"], table["metric"]]
    late = table["time"] >= since
    before = table["value"].where(~late).groupby(by)
    level, spread = before.median(), before.std().fillna(0.0)
    far = table["value"].where(late).groupby(by).quantile(0.8) - level
    low = table["value"].where(late).groupby(by).quantile(0.2) - level
    score = far.abs().combine(low.abs(), max) / (spread + 0.02 * level.abs() + 1e-12)
    found = []
    for entity, metric in score.sort_values(ascending=False).index[:LOOKED_AT]:
        rows = table[(table["entity"] == entity) & (table["metric"] == metric)]
        found.append(Moved(str(entity), str(metric), shift(rows["time"], rows["value"], since)))
    return found


def points(rows: pd.DataFrame) -> Points:
    """Return the rows' finite points in time order."""
    tidy = rows.dropna(subset=["value"]).sort_values("time")
    return list(zip(tidy["time"].dt.to_pydatetime(), tidy["value"].astype(float), strict=True))


def _band(others: pd.DataFrame) -> tuple[Points, ...]:
    """Return the lower and the upper edge of what the same metric does elsewhere."""
    by_time = others.dropna(subset=["value"]).groupby("time", sort=True)["value"]
    edges = (by_time.quantile(0.05), by_time.quantile(0.95))
    return tuple([(reading.moment(at), float(value)) for at, value in edge.items()] for edge in edges)


def charts(case: Case, most: int = MOST) -> tuple[tuple[Moved, Chart], ...]:
    """Return the charts to draw, all on one time axis."""
    chosen = movers(case, most)
    table = reading.rows(case, Modality.METRICS)
    if not chosen or table is None:
        return ()
    trouble = reading.split(case, Modality.METRICS)
    shown = table[table["metric"].isin([each.metric for each in chosen])]
    axis = Window(reading.moment(shown["time"].min()), reading.moment(shown["time"].max()))
    marks = _worth(case, reading.marks(case, axis))
    return tuple((each, _chart(each, table, trouble, axis, marks)) for each in chosen)


def _worth(case: Case, marks: tuple[reading.Mark, ...]) -> tuple[reading.Mark, ...]:
    """Return the marks worth a line: the alert, and the changes of the suspect, else the last three changes."""
    changes = [mark for mark in marks if mark.kind not in ("alert", "onset")]
    top = case.top
    own = [mark for mark in changes if top and mark.entity == top.suspect.name]
    kept = (own or changes)[-3:]
    return tuple(mark for mark in marks if mark.kind == "alert" or mark in kept)


def _chart(each: Moved, table: pd.DataFrame, trouble: Window, axis: Window, marks: tuple[reading.Mark, ...]) -> Chart:
    same = table[table["metric"] == each.metric]
    own = same[same["entity"] == each.entity]
    others = same[same["entity"] != each.entity]
    few = others["entity"].nunique() <= FEW
    siblings = tuple(points(rows) for _, rows in others.groupby("entity")) if few else ()
    change = each.shift.at if each.shift and each.moved else None
    return Chart(
        each.title, points(own), unit(each.metric), siblings, () if few else _band(others), trouble, change, marks, axis
    )


def metrics_strip(case: Case, most: int = 3) -> Html:
    """Return the first charts side by side, for the first screen; empty where no metric was answered."""
    drawn = charts(case, most)
    pictures = tag("div", [draw(chart) for _, chart in drawn], class_="charts")
    return picture(pictures, _table(tuple(each for each, _ in drawn))) if drawn else Html("")


def metrics_panel(case: Case, most: int = MOST) -> View:
    """Return the small charts of what moved most, with the numbers as a table."""
    drawn = charts(case, most)
    say = sentence(case)
    if not drawn:
        return page(say, tag("p", say, class_="say"), kind="metrics")
    moved = tuple(each for each, _ in drawn)
    body = picture(tag("div", [draw(chart) for _, chart in drawn], class_="charts"), _table(moved))
    note = tag(
        "p",
        "Shaded: before. Triangle: where it changed. Dashed: ",
        _named(drawn[0][1]),
        ". Grey: the same metric elsewhere.",
        class_="mute small",
    )
    text = f"{say}\n{columns(_rows(moved), _HEAD)}"
    return page(text, tag("p", say, class_="say"), body, note, fold("numbers", _table(moved)), kind="metrics")


def _named(chart: Chart) -> str:
    return listed([f"{mark.kind} {clock(mark.at)} {mark.entity}".strip() for mark in chart.marks]) or "nothing happened"


def sentence(case: Case) -> str:
    """Say what moved, or why nothing can be said."""
    asked = [each for each in case.observations if each.question.modality is Modality.METRICS]
    if not asked:
        return "No metric has been asked for yet; case.step() asks."
    table = reading.rows(case, Modality.METRICS)
    if table is None:
        return f"Metrics were asked for and none came: {_why(case)}."
    clear = [each for each in movers(case) if each.moved]
    total = some(table.groupby(["entity", "metric"]).ngroups, "series", "series")
    if not clear:
        return f"Nothing moved clearly: {total} of {some(table['entity'].nunique(), 'service')} looked at."
    first = min(clear, key=lambda each: each.shift.at.timestamp() if each.shift and each.shift.at else float("inf"))
    return f"First to move: {first.words}; {len(clear)} of {total} shown."


def _why(case: Case) -> str:
    from workbench.nouns import Failed, Silent

    replies = [each.reply for each in case.observations if each.question.modality is Modality.METRICS]
    failed = [each.words for each in replies if isinstance(each, Failed)]
    silent = [f"looked in {each.searched}, nothing there" for each in replies if isinstance(each, Silent)]
    return "; ".join(dict.fromkeys(failed + silent))


_HEAD = ("entity", "metric", "before", "after", "change", "since (UTC)")


def _rows(moved: tuple[Moved, ...]) -> list[tuple[object, ...]]:
    return [_row(each) for each in moved]


def _row(each: Moved) -> tuple[object, ...]:
    if each.shift is None:
        return (each.entity, each.metric, "?", "?", "too few points", "")
    of, change = unit(each.metric), each.shift
    words = ratio(change.before, change.after) if change.moved else "no clear change"
    since = clock(change.at, seconds=True) if change.at else ""
    return (each.entity, each.metric, quantity(change.before, of), quantity(change.after, of), words, since)


def _table(moved: tuple[Moved, ...]) -> Html:
    return grid(_rows(moved), _HEAD)


def metrics_figure(case: Case, most: int = MOST) -> View:
    """Return the same charts as one interactive plotly figure, built when it is shown."""
    drawn = charts(case, most)
    text = f"{sentence(case)}\n{columns(_rows(tuple(each for each, _ in drawn)), _HEAD)}"
    if not drawn:
        return page(text, tag("p", text, class_="say"), kind="metrics")
    return View({PLOTLY: lambda: _plotly(tuple(chart for _, chart in drawn)), "text/plain": clean(text)})


def _plotly(drawn: tuple[Chart, ...]) -> dict[str, object]:
    """Return plotly JSON: inks of middle lightness, at least 4.5:1 on white and on near-black."""
    from plotly.subplots import make_subplots

    ink, quiet = "#7a7a7a", "rgba(128,128,128,0.35)"
    figure = make_subplots(
        rows=len(drawn),
        cols=1,
        shared_xaxes=True,
        subplot_titles=[chart.title for chart in drawn],
        vertical_spacing=0.35 / len(drawn),
    )
    for row, chart in enumerate(drawn, 1):
        times, values = [t for t, _ in chart.points], [v for _, v in chart.points]
        figure.add_scatter(x=times, y=values, mode="lines", line={"color": "#1f7fbf", "width": 2}, row=row, col=1)
        figure.update_yaxes(title_text=chart.unit, rangemode="tozero", row=row, col=1)
        if chart.trouble and times:
            figure.add_vrect(
                x0=times[0],
                x1=max(times[0], chart.trouble.start),
                fillcolor=quiet,
                line_width=0,
                opacity=0.4,
                row=row,
                col=1,
            )
        for moment in [chart.change] if chart.change else []:
            figure.add_vline(x=moment, line_width=2, line_color=ink, row=row, col=1)
        for mark in chart.marks:
            figure.add_vline(x=mark.at, line_width=1, line_dash="dot", line_color=ink, row=row, col=1)
    figure.update_xaxes(gridcolor=quiet, zeroline=False)
    figure.update_yaxes(gridcolor=quiet, zeroline=False)
    figure.update_layout(
        template="none",
        showlegend=False,
        height=min(240, 200) * len(drawn),
        margin={"l": 60, "r": 20, "t": 30, "b": 30},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink, "size": 12},
    )
    figure.update_annotations(font={"size": 13, "color": ink}, x=0, xanchor="left")
    import json

    return cast("dict[str, object]", json.loads(figure.to_json()))
