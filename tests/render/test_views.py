"""Every view, for every kind of case: there is a sentence, a text form, no injection, no bulk."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import jsonschema
import pandas as pd
import pytest

from ontology.nouns import Entity
from workbench.nouns import Answered, Budget, Case, Confidence, Coverage, Evidence, Modality, Silent
from workbench.render.board import hypotheses_json, hypothesis_board
from workbench.render.card import alert_card, first_screen
from workbench.render.coverage import coverage_ledger
from workbench.render.episodes import episodes_view
from workbench.render.graph import graph_view
from workbench.render.layout import places
from workbench.render.logs import logs_view
from workbench.render.markup import clean, link, tag
from workbench.render.metrics import metrics_figure, metrics_panel
from workbench.render.observation import observation_view, sentence
from workbench.render.sketch import sketch
from workbench.render.spend import spend_meter
from workbench.render.step import step_view
from workbench.render.timeline import timeline_view
from workbench.render.trace import slowest
from workbench.render.view import HYPOTHESIS, PLOTLY, View
from workbench.render.waterfall import waterfall


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"render_{name}", Path(__file__).parent / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


sample = _load("sample")
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "hypothesis.schema.json").read_text("utf-8"))

VIEWS: dict[str, Callable[[Case], View]] = {
    "first screen": lambda case: first_screen(case, sample.NOW),
    "alert": lambda case: alert_card(case.alert, sample.NOW),
    "graph": graph_view,
    "large graph": lambda case: graph_view(case, 30),
    "metrics": metrics_panel,
    "logs": logs_view,
    "traces": waterfall,
    "board": hypothesis_board,
    "coverage": coverage_ledger,
    "episodes": lambda case: episodes_view(case, sample.NOW),
    "timeline": timeline_view,
    "spend": lambda case: spend_meter(case.spent, Budget(1.0, 0, 40, 300.0), (0.02, 0.04)),
    "observation": lambda case: (
        observation_view(case.observations[0]) if case.observations else spend_meter(case.spent)
    ),
}
CASES = ("full_case", "empty_case", "unsure_case", "failed_case", "long_case", "large_case")


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    made: Case = getattr(sample, request.param)()
    return made


@pytest.mark.parametrize("name", VIEWS)
def test_each_view_has_text_and_html_for_each_kind_of_case(name: str, case: Case) -> None:
    """No view is blank or raises, whatever the case holds."""
    view = VIEWS[name](case)
    assert view.text.strip()
    assert _text(view.html).strip()
    assert "None" not in view.text
    assert "nan" not in view.text.lower().split()


@pytest.mark.parametrize("name", VIEWS)
def test_each_view_stays_small(name: str, case: Case) -> None:
    """No view is over 60 kB of HTML, 400 services or not, so a notebook stays under 1 MB."""
    assert len(VIEWS[name](case).html.encode()) < 60_000


def test_the_text_says_what_the_picture_says() -> None:
    """The plain form of each view carries its finding."""
    case = sample.full_case()
    told = {name: draw(case).text for name, draw in VIEWS.items()}
    assert "payment waits for its database" in told["first screen"]
    assert "0.84 ########--" in told["first screen"]
    assert "payment-db CPU is as before" in told["first screen"]
    assert "checkout → payment" in told["graph"]
    assert "db_pool_in_use" in told["metrics"]
    assert "pool exhausted" in told["logs"]
    assert "acquire connection" in told["traces"]
    assert "14 alike" in told["traces"]
    assert "retransmits are flat" in told["board"]
    assert "could not look at state" in told["coverage"]
    assert "POOL_SIZE back to 60" in told["episodes"]
    assert "7 min before" in told["timeline"]


def test_no_markup_is_shown_as_text() -> None:
    """Our own elements are never escaped into sight."""
    for name, draw in VIEWS.items():
        assert "&lt;" not in draw(sample.full_case()).html, name


def test_an_unsure_case_says_what_was_checked_what_is_left_and_what_it_costs() -> None:
    """Not sure is a result with its own lines."""
    text = first_screen(sample.unsure_case(), sample.NOW).text
    for line in ("Not sure", "closest", "checked", "left", "would cost", "case.go_further(questions=20)"):
        assert line in text
    assert "Most likely" not in text


def test_the_first_screen_says_what_was_seen_before_and_what_helped() -> None:
    """A recollection stands on the first screen with its remedy; without one there is no such line."""
    case = sample.full_case()
    episode = case.recollections[0].episode

    with_it = first_screen(case, sample.NOW).text
    without = first_screen(replace(case, recollections=()), sample.NOW).text

    assert "seen before" in with_it
    assert episode.remedy in with_it
    assert "seen before" not in without


def test_a_step_says_that_a_model_took_no_part() -> None:
    """What the reasoner notes, such as why a model could not help, stands in the step's words and drawing."""
    view = step_view(replace(sample.full_case(), note="Claude took no part: it does not answer."))
    assert "Claude took no part: it does not answer." in view.text
    assert "Claude took no part: it does not answer." in view.html


def test_rows_of_one_entity_do_not_lend_it_the_finding_of_all() -> None:
    """The digest of an answer is about everything asked; only the rows below are narrowed, and it says so."""
    seen = sample.full_case().observations[0]
    text = observation_view(seen, "payment").text
    assert text.startswith(sentence(seen))
    assert "Below, the rows of payment alone." in text


def test_a_quiet_hypothesis_is_never_put_first() -> None:
    """Without a surfaced finding no claim stands as most likely, however high its number."""
    case = replace(sample.full_case(), findings=())
    assert "Most likely" not in first_screen(case, sample.NOW).text


def test_the_fired_time_is_absolute_and_relative() -> None:
    """The head line has the UTC time and how long ago that was."""
    assert "fired 02:58 UTC (4 min ago)" in _text(first_screen(sample.full_case(), sample.NOW).html)


@pytest.mark.parametrize("name", CASES)
def test_the_json_of_a_case_keeps_to_its_schema(name: str) -> None:
    """The object in the notebook and on the command line validates against docs/hypothesis.schema.json."""
    case = getattr(sample, name)()
    jsonschema.validate(hypotheses_json(case), SCHEMA)
    for view in (hypothesis_board(case), first_screen(case, sample.NOW)):
        jsonschema.validate(json.loads(json.dumps(view.bundle[HYPOTHESIS])), SCHEMA)


def test_each_evidence_in_the_json_can_be_run_again() -> None:
    """Evidence without a query of its own names the observation to show."""
    bare = Evidence("o-1", "for", 1.0, "x", Modality.LOGS)
    case = replace(sample.full_case(), hypotheses=(replace(sample.POOL, evidence=(bare,)),))
    assert hypotheses_json(case)["hypotheses"][0]["evidence"][0]["query"].endswith('.show("o-1")')


PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" onfocus="alert(1)" autofocus="',
    "</style><script>alert(1)</script>",
    "</title></svg><script>alert(1)</script>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "<style>@import 'http://evil.example/x.css'</style>",
    "<math><mtext></mtext><mglyph><style><img src onerror=alert(1)>",
    "<form action=http://evil.example><input type=submit>",
    "<object data=http://evil.example/x></object>",
    "<meta http-equiv=refresh content=0;url=http://evil.example>",
    "<!--<script>-->alert(1)",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "a\u202egnp.exe\u2066\u2069\u200b",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "$x$ \\(x\\) \\[x\\] $$\\href{javascript:alert(1)}{x}$$",
    "]]><script>alert(1)</script>",
    "<base href=http://evil.example/>",
)
ALLOWED = {
    *("style", "div", "span", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "time", "a", "details", "summary"),
    *("code", "pre", "br", "svg", "title", "g", "path", "rect", "line", "circle", "polygon", "text"),
}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.styles = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def _poisoned(payload: str) -> Case:
    """Return the full case with the payload in every text that comes from outside."""
    case = sample.full_case()
    bad = {entity.iri: Entity(entity.iri, payload, payload) for entity in case.scope}
    evidence = tuple(replace(each, note=payload, query=payload) for each in sample.POOL.evidence)
    pool = replace(
        sample.POOL,
        claim=payload,
        failure_mode=payload,
        evidence=evidence,
        suspect=bad[sample.PAYMENT.iri],
        confidence=Confidence(0.8, (payload,)),
        next_step=payload,
        ruled_out_because=payload,
        proposed_by=payload,
    )
    tables = [each.table for each in case.observations]
    seen = tuple(
        replace(each, source=payload, reply=Answered(payload, _poison(table, payload), query=payload, link=payload))
        if table is not None
        else replace(each, reply=Silent(payload))
        for each, table in zip(case.observations, tables, strict=True)
    )
    alert = replace(
        case.alert,
        title=payload,
        summary=payload,
        severity=payload,
        labels={payload: payload, "service": payload},
        links={payload: payload, "b": "javascript:alert(1)"},
    )
    return replace(
        case,
        id=payload,
        alert=alert,
        scope=tuple(bad.values()),
        hypotheses=(pool, *sample.HYPOTHESES[1:]),
        note=payload,
        observations=seen,
        coverage=(Coverage(payload, Modality.LOGS, "failed", payload),),
    )


def _poison(table: pd.DataFrame, payload: str) -> pd.DataFrame:
    free = {"entity", "metric", "message", "severity", "operation", "service", "summary", "ref", "detail", "kind"}
    return table.assign(**dict.fromkeys(free & set(table.columns), payload))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_from_outside_becomes_markup(payload: str) -> None:
    """Whatever an alert, a log line, a label or a model says, only our own elements and attributes are drawn."""
    case = _poisoned(payload)
    for name, draw in VIEWS.items():
        reader = _Reader()
        reader.feed(draw(case).html)
        assert {tag for tag, _ in reader.tags} <= ALLOWED, name
        assert sum(tag == "style" for tag, _ in reader.tags) == 1, name
        for _, attributes in reader.tags:
            assert not any(key.startswith("on") or key in {"src", "srcdoc", "action"} for key in attributes), name
            assert (attributes.get("href") or "https://").startswith(("https://", "http://")), name


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_from_outside_commands_a_terminal(payload: str) -> None:
    """The plain form holds no escape, control or direction character."""
    case = _poisoned(payload)
    for name, draw in VIEWS.items():
        text = draw(case).text
        assert clean(text) == text, name
        assert "\x1b" not in json.dumps(hypotheses_json(case), ensure_ascii=False)


def test_views_fetch_nothing() -> None:
    """The HTML names no address but the alert's own links."""
    for draw in VIEWS.values():
        html = draw(sample.full_case()).html
        assert "url(" not in html
        assert "@import" not in html
        for address in re.findall(r"https?://[^\"'\s<>]+", html):
            assert address in sample.ALERT.links.values()


def test_mathematics_is_not_typeset_in_views() -> None:
    """Dollar signs stay dollar signs: the block is marked for MathJax to pass over."""
    assert 'class="wb mathjax_ignore' in first_screen(sample.full_case(), sample.NOW, spend="$0.07 of $1.00").html


def test_only_plain_web_addresses_become_links() -> None:
    """A javascript, data or relative address is shown as its bare label."""
    assert link("javascript:alert(1)", "x") == link("//evil", "x") == link("http://", "x") == "x"
    assert 'rel="noopener noreferrer"' in link("https://runbooks.example/a?b=1&c=2", "x")


def test_markup_refuses_handlers_and_raw_addresses() -> None:
    """A view cannot even be written that sets an event handler or an unchecked address."""
    for attribute in ({"onclick": "x"}, {"href": "https://x"}, {"src": "x"}, {'x"': "y"}):
        with pytest.raises(ValueError, match="is not for views"):
            tag("a", "x", **attribute)


@pytest.mark.parametrize("count", [1, 5, 9, 30])
def test_boxes_of_the_graph_never_share_a_cell(count: int) -> None:
    """Up to 30 nodes, with cycles and self-calls, every node has a cell of its own, so labels cannot overlap."""
    nodes = [f"n{i}" for i in range(count)]
    calls = [(nodes[i], nodes[(i * 7 + 3) % count]) for i in range(count)] + [(nodes[0], each) for each in nodes]
    runs = [(nodes[i], nodes[i - 1]) for i in range(1, count, 4)]
    found = places(nodes, calls, runs, nodes[:3])
    assert set(found) == set(nodes)
    assert len({(place.column, place.row) for place in found.values()}) == count
    assert min(place.row for place in found.values()) >= 0
    assert min(place.column for place in found.values()) >= 0


def test_callers_stand_left_of_what_they_call_and_carriers_below() -> None:
    """Reading order is the order of calls; what a thing runs on lies under it."""
    found = places(["a", "b", "c", "node"], [("a", "b"), ("b", "c")], [("b", "node")], ["a", "b", "c"])
    assert [found[name].column for name in "abc"] == [0, 1, 2]
    assert len({found[name].row for name in "abc"}) == 1
    assert found["node"].row > found["b"].row


def test_a_large_estate_is_drawn_as_its_neighbourhood() -> None:
    """Of 400 services at most nine are drawn, the path to the suspect among them, and the rest are counted."""
    chosen = sketch(sample.large_case(400))
    assert len(chosen.nodes) == 9
    assert {sample.CHECKOUT, sample.PAYMENT} <= set(chosen.nodes)
    assert chosen.hidden == 400


def test_the_trace_that_is_shown_is_slow_and_its_culprit_is_named() -> None:
    """The waterfall finds the span whose own time grew, not the root that waits for it."""
    trace = slowest(sample.traces_table(), sample.WINDOW, "payment")
    assert trace
    assert trace.usual
    assert trace.duration > 5 * trace.usual
    assert trace.culprit
    assert trace.culprit.operation == "acquire connection"


def test_a_trace_with_a_cycle_and_missing_parents_is_still_drawn() -> None:
    """Broken parent links lose no span and do not hang."""
    table = sample.traces_table()
    table = table[table["trace_id"] == table["trace_id"].iloc[-1]]
    broken = table.assign(parent_id=[*table["span_id"].iloc[1:], table["span_id"].iloc[0]])
    assert slowest(broken, sample.WINDOW)
    orphans = table.assign(parent_id="gone")
    trace = slowest(orphans, sample.WINDOW)
    assert trace
    assert len(trace.bars) == len(table)


def test_the_plotly_form_is_made_only_when_it_is_shown() -> None:
    """The figure is a function until the mime bundle is asked for; then it is plain JSON with transparent paper."""
    view = metrics_figure(sample.full_case())
    assert callable(view.bundle[PLOTLY])
    figure = view._repr_mimebundle_()[PLOTLY]
    assert json.loads(json.dumps(figure))["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"


def test_a_sanitised_notebook_still_shows_tables() -> None:
    """Without the stylesheet the drawing hides itself, and the table that stands in for it does not."""
    html = graph_view(sample.full_case()).html
    assert '<div class="wb-drawn" style="display:none">' in html
    assert '<div class="wb-instead"><table>' in html


def _text(html: str) -> str:
    bare = re.sub(r"<style>.*?</style>|<title>.*?</title>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", bare).split())
