"""Elasticsearch and OpenSearch: which body is sent, what comes back in which fields, and what a half answer says."""

from __future__ import annotations

import json
from datetime import timedelta

import pandas as pd
import pytest

from ontology import iris
from ontology.errors import BadInput, NotAllowed
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.telemetry.elasticsearch import PAGE, PAGES, ElasticsearchSource
from workbench.telemetry.readonly import ReadOnlySession
from workbench.testing.vendors import BODY, VendorServer, elasticsearch

PAYMENT = Entity(iris.service("payment", "shop"), "Service", "payment")


def answered(source: ElasticsearchSource, question: Question) -> Answered:
    reply = source.ask(question).reply
    assert isinstance(reply, Answered), reply
    return reply


@pytest.mark.parametrize("ecs", [True, False])
def test_lines_come_back_as_they_were_in_ecs_and_in_opentelemetry(
    ecs: bool, case_tables: dict[str, pd.DataFrame], fault_window: Window, quiet_window: Window
) -> None:
    """Time, entity, severity, message and trace id are found whichever of the two ways a document is written."""
    held = case_tables["logs"]
    with elasticsearch(held, ecs=ecs) as server:
        reply = answered(ElasticsearchSource(server.url), Question(Modality.LOGS, fault_window, baseline=quiet_window))

    order = ["time", "entity", "message"]
    pd.testing.assert_frame_equal(
        reply.table.sort_values(order, ignore_index=True),
        held[held["time"] <= fault_window.end].sort_values(order, ignore_index=True),
        check_dtype=False,
    )


def test_a_phrase_and_a_query_of_their_own_narrow_the_search(
    case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """Words are looked for in messages, JSON is a query as it stands; both within the time of the question."""
    with elasticsearch(case_tables["logs"]) as server:
        source = ElasticsearchSource(server.url)
        phrase = answered(source, Question(Modality.LOGS, fault_window, what='calling bank"}'[:-2]))
        own = answered(source, Question(Modality.LOGS, fault_window, what='{"term": {"log.level": "ERROR"}}'))

    assert set(phrase.table["entity"]) == {"payment"}
    assert set(own.table["severity"]) == {"error"}
    assert len(phrase.table) == len(own.table)


@pytest.mark.parametrize(
    "what", ['{"script": {"script": "1"}}', '{"bool": {"must": [{"\\u0073cript_score": {}}]}}', "{half"]
)
def test_no_script_and_no_half_query_is_sent(what: str, fault_window: Window) -> None:
    """A query that runs a script, or is no JSON, fails before anything is sent."""
    with VendorServer(lambda _path, _query: {}) as server:
        reply = ElasticsearchSource(server.url).ask(Question(Modality.LOGS, fault_window, what=what)).reply

    assert isinstance(reply, Failed)
    assert server.requests == []


def test_pages_are_joined_without_a_line_twice_or_lost(fault_window: Window) -> None:
    """Lines that share the last moment of a page come once, and an answer that is cut off says so."""
    times = [fault_window.start + timedelta(microseconds=n // 7) for n in range(PAGE * PAGES + 100)]
    held = pd.DataFrame(
        {
            "time": times,
            "entity": "payment",
            "severity": "info",
            "message": [f"line {n}" for n in range(len(times))],
            "trace_id": "",
        }
    )
    with elasticsearch(held) as server:
        reply = answered(ElasticsearchSource(server.url), Question(Modality.LOGS, fault_window))

    assert list(reply.table["message"]) == [f"line {n}" for n in range(len(reply.table))]
    assert PAGE * (PAGES - 1) < len(reply.table) < len(held)
    assert "were read" in reply.digest


def test_a_line_that_was_written_twice_is_there_twice(fault_window: Window, quiet_window: Window) -> None:
    """Equal lines of one moment are two documents; one on the edge of baseline and window is read once."""
    row = {"entity": "payment", "severity": "info", "message": "again", "trace_id": ""}
    held = pd.DataFrame([{"time": fault_window.start, **row}, {"time": fault_window.start, **row}])
    with elasticsearch(held) as server:
        question = Question(Modality.LOGS, fault_window, baseline=quiet_window)
        reply = answered(ElasticsearchSource(server.url), question)

    assert len(reply.table) == 2


def test_only_the_configured_index_can_be_searched(case_tables: dict[str, pd.DataFrame]) -> None:
    """The list holds one path and one method: another index, another verb, a write is never sent."""
    with elasticsearch(case_tables["logs"]) as server:
        session = ReadOnlySession(server.url, ElasticsearchSource(server.url, index="app-*").reads)
        for method, path in (
            ("POST", "/logs-1/_search"),
            ("POST", "/app-*/_delete_by_query"),
            ("POST", "/_search"),
            ("POST", "/_bulk"),
            ("PUT", "/app-*/_search"),
            ("GET", "/_cat/indices"),
        ):
            with pytest.raises(NotAllowed):
                session.request(method, server.url + path, json={})
        assert server.requests == []
        assert session.post(server.url + "/app-*/_search", json={"size": 1, "query": {"bool": {}}}).ok


@pytest.mark.parametrize("index", ["", "_all", "a/b", "a/_bulk?x=", "../x", "a b", "a#"])
def test_a_name_that_is_no_index_is_refused(index: str) -> None:
    """A setting that would lead to another path is bad input at once."""
    with pytest.raises(BadInput):
        ElasticsearchSource("http://localhost:9200", index=index)


def test_names_are_asked_for_in_every_field_and_stay_values(
    case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """A hostile name is a JSON value of the body; it does not become part of the query."""
    wicked = Entity(iris.service("x", "shop"), "Service", '"}}]}},"script":1')
    with elasticsearch(case_tables["logs"]) as server:
        reply = ElasticsearchSource(server.url).ask(Question(Modality.LOGS, fault_window, (PAYMENT, wicked))).reply

    body = json.loads(server.requests[0][2][BODY])
    fields = body["query"]["bool"]["filter"][1]["bool"]["should"]
    assert isinstance(reply, Answered)
    assert all(sorted(next(iter(each["terms"].values()))) == sorted([wicked.name, "payment"]) for each in fields)


HITS = {"hits": {"hits": []}}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": "x"}, "not that of a search"),
        ({"hits": [1]}, "not that of a search"),
        ({"hits": {"hits": [{"_id": "a"}]}}, "else than expected"),
        ({"hits": {"hits": [3]}}, "else than expected"),
        ({"_shards": {"total": 0}, **HITS}, "No index"),
        ({"_shards": {"total": 2, "failed": 2, "successful": 0}, **HITS}, "Every shard"),
    ],
)
def test_an_answer_that_looked_at_nothing_is_no_silence(answer: object, reason: str, fault_window: Window) -> None:
    """No such index, no shard that answers, or a foreign shape is Failed with its reason."""
    with VendorServer(lambda _path, _query: answer) as server:
        reply = ElasticsearchSource(server.url).ask(Question(Modality.LOGS, fault_window)).reply

    assert isinstance(reply, Failed), reply
    assert reason in reply.reason


def test_a_half_answer_says_that_lines_are_missing(fault_window: Window) -> None:
    """Where shards failed or time ran out, the reply says so, be it an answer or silence."""
    shards = {"total": 3, "successful": 2, "failed": 1, "failures": [{"reason": {"reason": "disk"}}]}
    with VendorServer(lambda _path, _query: {"timed_out": True, "_shards": shards, **HITS}) as server:
        reply = ElasticsearchSource(server.url).ask(Question(Modality.LOGS, fault_window)).reply

    assert isinstance(reply, Silent)
    assert "1 of 3 shards failed (disk)" in reply.searched
    assert "given up" in reply.searched
