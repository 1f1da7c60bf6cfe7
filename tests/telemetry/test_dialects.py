"""What `what` means to the source that was recorded, and what it refuses to guess."""

from __future__ import annotations

import pandas as pd
import pytest

from ontology.errors import NotFound
from ontology.nouns import utc
from workbench.nouns import Modality
from workbench.telemetry.dialects import narrowed

AT = utc("2026-01-31T02:50:00Z")
LOKI = {"source": "loki", "query": '{service_name=~"cart|payment"}'}
TEMPO = {"source": "tempo"}


@pytest.fixture
def lines() -> pd.DataFrame:
    """Four lines of two services."""
    said = [("cart", "Timeout calling bank"), ("cart", "ok"), ("payment", "timeout after 3 s"), ("payment", "paid {7}")]
    rows = [(AT, entity, "info", message, "") for entity, message in said]
    return pd.DataFrame(rows, columns=["time", "entity", "severity", "message", "trace_id"])


@pytest.fixture
def spans() -> pd.DataFrame:
    """Two traces: a slow one that fails in payment, a fast one of cart alone."""
    rows = [
        ("t1", "a", "", "cart", "POST /buy", "server", AT, 1500.0, "ok", ""),
        ("t1", "b", "a", "payment", "POST /charge/{id}", "client", AT, 1400.0, "error", "refused"),
        ("t2", "c", "", "cart", "GET /cart", "server", AT, 12.0, "ok", ""),
    ]
    columns = "trace_id span_id parent_id service operation kind start duration_ms status message"
    return pd.DataFrame(rows, columns=columns.split())


@pytest.mark.parametrize(
    ("what", "kept"),
    [
        ("timeout", ["timeout after 3 s"]),
        ('{service_name="cart"}', ["Timeout calling bank", "ok"]),
        ('{service_name=~"c.*|x"} |= "bank"', ["Timeout calling bank"]),
        ('{service_name!="cart"} |~ "[0-9] s" != "paid"', ["timeout after 3 s"]),
        ('{service_name=~".+"} !~ `(?i)timeout`', ["ok", "paid {7}"]),
    ],
)
def test_logql_keeps_the_lines_it_means(lines: pd.DataFrame, what: str, kept: list[str]) -> None:
    """A selector by the label that carried the entities, and filters of lines, keep what a Loki keeps."""
    assert narrowed(lines, Modality.LOGS, (), what, LOKI)["message"].tolist() == kept


@pytest.mark.parametrize(
    "what",
    [
        '{app="cart"}',
        '{service_name="cart"} | json',
        '{service_name="cart"} | level="error"',
        '{service_name="cart"} [1m]',
        "{service_name}",
    ],
)
def test_logql_that_asks_for_more_was_not_recorded(lines: pd.DataFrame, what: str) -> None:
    """Another label, a parser, a number: none of them was kept, and none is guessed."""
    with pytest.raises(NotFound, match="not recorded"):
        narrowed(lines, Modality.LOGS, (), what, LOKI)


@pytest.mark.parametrize("source", ["log files", "kubernetes logs", "log files, kubernetes logs"])
def test_files_are_searched_in_any_case(lines: pd.DataFrame, source: str) -> None:
    """A text is found in any case, its braces are no syntax."""
    said = {"source": source}
    assert len(narrowed(lines, Modality.LOGS, (), "TIMEOUT", said)) == 2
    assert len(narrowed(lines, Modality.LOGS, (), "paid {7}", said)) == 1


def test_a_source_whose_reading_is_not_known_fails(lines: pd.DataFrame) -> None:
    """What an index of words would have found cannot be told from the rows: it was not recorded."""
    for source in ("elasticsearch", "datadog logs", "loki, log files"):
        with pytest.raises(NotFound, match="not recorded"):
            narrowed(lines, Modality.LOGS, (), "timeout", {"source": source})


@pytest.mark.parametrize(
    ("what", "kept"),
    [
        ("{ }", ["a", "b", "c"]),
        ("{ status = error }", ["a", "b"]),
        ("{ duration > 1s && kind = client }", ["a", "b"]),
        ('{ name = "GET /cart" || (duration >= 1.4s && status != error) }', ["a", "b", "c"]),
        ('{ resource.service.name =~ "pay.*" && duration < 1500ms }', ["a", "b"]),
        ("{ duration < 20ms }", ["c"]),
    ],
)
def test_traceql_keeps_whole_traces(spans: pd.DataFrame, what: str, kept: list[str]) -> None:
    """A trace that holds a span of the condition is kept whole, as Tempo finds traces."""
    assert narrowed(spans, Modality.TRACES, (), what, TEMPO)["span_id"].tolist() == kept


@pytest.mark.parametrize(
    "what",
    [
        "{ span.http.status_code = 500 }",
        "{ status = ok }",
        "{ duration > 1s } | count() > 2",
        "{ status = error } >> { kind = server }",
        '{ name = "a" ',
        "checkout",
    ],
)
def test_traceql_that_asks_for_more_was_not_recorded(spans: pd.DataFrame, what: str) -> None:
    """Attributes, relations and counts were not kept: the question fails and does not answer with too much."""
    with pytest.raises(NotFound, match="not recorded"):
        narrowed(spans, Modality.TRACES, (), what, TEMPO)


def test_an_operation_is_its_whole_name(spans: pd.DataFrame) -> None:
    """Files of traces know operations by name, stars and braces included; Jaeger finds the traces that hold one."""
    files, jaeger = {"source": "trace files"}, {"source": "jaeger"}
    assert narrowed(spans, Modality.TRACES, (), "POST /charge/{id}", files)["span_id"].tolist() == ["b"]
    assert narrowed(spans, Modality.TRACES, (), "POST*", files).empty
    assert narrowed(spans, Modality.TRACES, (), "POST /charge/{id}", jaeger)["span_id"].tolist() == ["a", "b"]
    assert narrowed(spans, Modality.TRACES, ("cart",), "POST /charge/{id}", jaeger)["span_id"].tolist() == ["a"]
