"""Runs -> one HTML page that needs no network: rates with intervals, reliability, what a threshold would show.

page({"ours": json.loads(...), "baro": json.loads(...)})
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from memory.calibration import Judged, calibration
from workbench.engine.coefficients import CURRENT
from workbench.render import calibration as drawing

Runs = Mapping[str, Mapping[str, Any]]
"""Results of `bench run --json` by the name of the run."""
COLOURS = ("#2563eb", "#d97706", "#059669", "#7c3aed", "#dc2626", "#0891b2", "#4b5563")
RATES = (
    ("AC@1", "ac@1"), ("AC@3", "ac@3"), ("AC@5", "ac@5"), ("Avg@5", "avg@5"), ("cause", "cause_accuracy"),
    ("joint@1", "joint@1"), ("abstained", "abstained"), ("false blame", "false_blame"), ("shown", "share_surfaced"),
    ("right of shown", "precision_surfaced"), ("AUROC", "auroc"), ("ECE", "ece"), ("Brier skill", "brier_skill"),
    ("AUGRC", "augrc"), ("s/case", "seconds_median"), ("$/case", "dollars_per_case"),
)  # fmt: skip
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1f2937;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}table{border-collapse:collapse;font-size:13px}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #e5e7eb;white-space:nowrap}
th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}small{color:#6b7280}
.wide{overflow-x:auto}summary{cursor:pointer;margin:.5rem 0}
@media(prefers-color-scheme:dark){body{background:#111827;color:#e5e7eb}th,td{border-color:#374151}small{color:#9ca3af}}
"""


def page(runs: Runs) -> str:
    """Return the whole document.

    Args:
        runs: at least one, in the order in which they are shown.
    """
    parts = [
        f"<h1>{escape(' and '.join(runs))}</h1>",
        *(f"<p><small>{escape(name)}: {escape(_gate(run))}</small></p>" for name, run in runs.items()),
        "<h2>By data set</h2>",
        _rates(_named(runs, "datasets")),
        "<p><small>Under each rate its 95 % bootstrap interval; a dash is a rate of nothing.</small></p>",
        *_charts(runs),
        *(_group(runs, group) for group in ("system", "fault_family", "difficulty")),
        *(_cases(name, run) for name, run in runs.items()),
    ]
    head = f"<meta charset=utf-8><title>Bench</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>"


def _gate(run: Mapping[str, Any]) -> str:
    found = run["validity"]
    unseen = len(found["fault_not_visible"])
    said = f"{found['cases']} cases, {found['load']} load, in {found['answered']} a source answered"
    return said + (f", in {unseen} nothing differs from the time before" if unseen else "")


def _named(runs: Runs, part: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return (dataset, run, figures), the runs of a dataset side by side."""
    names = sorted({name for run in runs.values() for name in run[part]})
    return [(name, title, run[part][name]) for name in names for title, run in runs.items() if name in run[part]]


def _rates(rows: Iterable[tuple[str, str, Mapping[str, Any]]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in ("", "run", "n", *(name for name, _ in RATES)))
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(run)}</td><td>{held['n']}</td>"
        + "".join(f"<td>{_rate(held, key)}</td>" for _, key in RATES)
        + "</tr>"
        for name, run, held in rows
    )
    return f"<div class=wide><table><tr>{head}</tr>{body}</table></div>"


def _rate(held: Mapping[str, Any], key: str) -> str:
    if held[key] is None:
        return "-"
    low, high = held["intervals"].get(key, (None, None))
    spread = "" if low is None else f"<br><small>{low:.2f}-{high:.2f}</small>"
    return f"{held[key]:.2f}{spread}"


def _charts(runs: Runs) -> Iterator[str]:
    """Yield the plots; the first brings the library with it, so that the page needs no network."""
    import plotly.graph_objects as go
    import plotly.io as pio

    figure = _bars(go, runs)
    clear = dict.fromkeys(("paper_bgcolor", "plot_bgcolor"), "rgba(0,0,0,0)")
    margin = {"l": 60, "r": 20, "t": 20, "b": 50}
    figure.update_layout(template="none", height=380, margin=margin, font={"color": drawing.INK}, **clear)
    bars = pio.to_html(figure, full_html=False, include_plotlyjs=True, config={"displaylogo": False})
    yield f"<h2>Accuracy at the first place</h2>{bars}"
    for name, run in runs.items():
        known = calibration(judged(run))
        if known.found:
            curves = drawing.plot(known, f"cases of {name}", library=False)
            yield f"<h2>How sure {escape(name)} is, and how often that is right</h2>{curves}"


def _bars(go: Any, runs: Runs) -> Any:
    figure = go.Figure()
    for colour, (title, run) in zip(COLOURS, runs.items(), strict=False):
        held = {name: each for name, each in run["datasets"].items() if each["ac@1"] is not None}
        ends = [each["intervals"]["ac@1"] for each in held.values()]
        values = [each["ac@1"] for each in held.values()]
        figure.add_bar(
            name=title,
            x=list(held),
            y=values,
            marker_color=colour,
            error_y={
                "array": [high - value for value, (_, high) in zip(values, ends, strict=True)],
                "arrayminus": [value - low for value, (low, _) in zip(values, ends, strict=True)],
            },
        )
    return figure.update_layout(barmode="group", yaxis={"range": [0, 1.02], "title": "AC@1"})


def judged(run: Mapping[str, Any]) -> list[Judged]:
    """Return the first suspect of every scored case under the threshold that is current, by data set."""
    return [
        Judged(float(case["confidence"]), case["rank"] == 1, CURRENT.threshold, case["dataset"])
        for case in run["cases"]
        if case["scored"] and case["confidence"] is not None
    ]


def _group(runs: Runs, group: str) -> str:
    rows = [(name, title, run["groups"][group][name]) for title, run in runs.items() for name in run["groups"][group]]
    title = group.replace("_", " ").capitalize()
    return (
        f"<details><summary>By {escape(title.lower())}</summary>{_rates(sorted(rows, key=lambda r: r[:2]))}</details>"
    )


def _cases(name: str, run: Mapping[str, Any]) -> str:
    head = ("case", "data set", "cause", "rank", "first suspect", "mode", "confidence", "shown", "s")
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(case)) + "</tr>" for case in run["cases"]
    )
    titles = "".join(f"<th>{each}</th>" for each in head)
    body = f"<div class=wide><table><tr>{titles}</tr>{rows}</table></div>"
    return f"<details><summary>Cases of {escape(name)}</summary>{body}</details>"


def _cells(case: Mapping[str, Any]) -> Sequence[str]:
    first = (case["suspects"] or ["none"])[0] if not case["crash"] else f"crashed: {case['crash']}"
    mode = (case["failure_modes"] or [""])[0]
    sure = "-" if case["confidence"] is None else f"{case['confidence']:.2f}"
    cause = case["root_cause"] or ("nothing at fault" if case["scored"] else "no answer")
    shown = "yes" if case["surfaced"] else "no"
    rank = "-" if case["rank"] is None else str(case["rank"])
    return (case["case_id"], case["dataset"], cause, rank, first, mode, sure, shown, f"{case['seconds']:.2f}")
