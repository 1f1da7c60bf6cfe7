"""Traces: who was seen to call whom."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ontology.errors import BadInput, NotFound
from ontology.nouns import Layer
from scanners.traces import TracesScanner

Saying = Callable[[Any], set[tuple[str, str, Any]]]
ROWS = [
    ("t1", "a", "", "web", "GET /", "server"),
    ("t1", "b", "a", "web", "POST", "client"),
    ("t1", "c", "b", "cart", "POST /items", "server"),
    ("t1", "d", "c", "cart", "inner", "internal"),
    ("t1", "e", "c", "cart", "send", "producer"),
    ("t1", "f", "e", "audit", "receive", "consumer"),
    ("t2", "c", "nowhere", "lost", "GET /lost", "server"),
]


def table() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=["trace_id", "span_id", "parent_id", "service", "operation", "kind"])


def test_a_parent_in_another_service_is_a_call(said: Saying) -> None:
    """Calls cross services; a consumer is no callee, an unknown parent no caller."""
    scan = TracesScanner(table()).scan()
    facts = said(scan.facts)

    assert {fact for fact in facts if fact[1] == "calls"} == {("web", "calls", "cart")}
    assert ("cart", "provides", "POST /items") in facts
    assert ("cart", "provides", "inner") not in facts
    assert {fact.layer for fact in scan.facts} == {Layer.RUNNING}


def test_parquet_and_otlp_say_the_same(tmp_path: Path) -> None:
    """The same spans as parquet in a folder, as OTLP JSON and as JSON lines give the same statements."""
    words = {"server": 2, "client": "SPAN_KIND_CLIENT", "internal": 1, "producer": 4, "consumer": 5}
    resources = [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": row[3]}}]},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": row[0],
                            "spanId": row[1],
                            "parentSpanId": row[2],
                            "name": row[4],
                            "kind": words[row[5]],
                        }
                    ]
                }
            ],
        }
        for row in ROWS
    ]
    table().to_parquet(tmp_path / "traces.parquet")
    (tmp_path / "spans.json").write_text(json.dumps({"resourceSpans": resources}))
    (tmp_path / "spans.jsonl").write_text("\n".join(json.dumps({"resourceSpans": [each]}) for each in resources))

    def statements(path: Path) -> set[tuple[Any, ...]]:
        return {(fact.subject, fact.predicate, fact.object) for fact in TracesScanner(path).scan().facts}

    assert statements(tmp_path) == statements(tmp_path / "spans.json") == statements(tmp_path / "spans.jsonl")


@pytest.mark.parametrize("content", [b"PAR1 broken", b""])
def test_a_corrupt_table_is_told(tmp_path: Path, content: bytes) -> None:
    """A corrupt file ends in a sentence with the next step, for parquet and JSON alike."""
    for name in ("traces.parquet", "traces.json"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput, match="Next:"):
            TracesScanner(tmp_path / name).scan()


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """A table without parents is refused by the name of what it lacks; a folder without traces too."""
    with pytest.raises(BadInput, match="parent_id"):
        TracesScanner(table().drop(columns="parent_id")).scan()
    with pytest.raises(NotFound, match="Next:"):
        TracesScanner(tmp_path).scan()
