"""What every source over HTTP says when its server refuses, breaks off, is slow, or is something else altogether."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator

import pytest

from ontology.nouns import Window
from workbench.nouns import Failed, Question
from workbench.telemetry.readonly import TOTAL_SECONDS, ReadOnlySession
from workbench.testing.contract import TESTED, Tested
from workbench.testing.vendors import ANY, VendorServer

HTTP = [each for each in TESTED if each.http]


def name(tested: Tested) -> str:
    return tested.name


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (501, b"boom", "501"),
        (403, b'{"message": "no"}', "403"),
        (302, b"", "302"),
        (200, b'{"half": [1, ', "JSON"),
        (200, b"", "JSON"),
        (200, b"<html>sign in</html>", "JSON"),
        (200, b"7", "something else"),
    ],
)
@pytest.mark.parametrize("tested", HTTP, ids=name)
def test_what_goes_wrong_is_failure_with_its_reason(
    tested: Tested, status: int, body: bytes, reason: str, fault_window: Window
) -> None:
    """A refusal, a redirect, half an answer, a sign-in page or an empty one is Failed and does not raise."""
    with VendorServer(lambda _path, _query: None, {ANY: (status, body)}) as server:
        reply = tested.make(server.url).ask(Question(tested.modality, fault_window)).reply

    assert isinstance(reply, Failed), reply
    assert reason in reply.reason
    assert reply.remedy


FOREIGN = (b"{}", b'{"surprise": 1}', b'{"data": 3, "items": 3, "hits": 3, "series": 3}', b"[3]", b'[{"x": 1}]')


@pytest.mark.parametrize("body", FOREIGN)
@pytest.mark.parametrize("tested", HTTP, ids=name)
def test_an_answer_of_another_shape_is_no_silence(tested: Tested, body: bytes, fault_window: Window) -> None:
    """JSON that the vendor does not document is Failed: nobody looked, so nothing was found to be missing."""
    with VendorServer(lambda _path, _query: None, {ANY: (200, body)}) as server:
        reply = tested.make(server.url).ask(Question(tested.modality, fault_window)).reply

    assert isinstance(reply, Failed), reply
    assert reply.remedy


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("tested", HTTP, ids=name)
def test_a_server_that_does_not_answer_in_time_is_failure(tested: Tested, mute: str, fault_window: Window) -> None:
    """A server that holds the connection and says nothing is left after the limit, and the reason says so."""
    ticks = itertools.count(0.0, TOTAL_SECONDS)  # each look at the clock finds the time used up
    session = ReadOnlySession(mute, tested.make(mute).reads, clock=lambda: next(ticks))  # type: ignore[attr-defined]
    reply = tested.make(mute, session=session).ask(Question(tested.modality, fault_window)).reply

    assert isinstance(reply, Failed), reply
    assert "too long" in reply.reason or "does not answer" in reply.reason
    assert reply.remedy


@pytest.mark.parametrize("tested", HTTP, ids=name)
def test_no_source_asks_for_more_than_it_lists(tested: Tested, fault_window: Window) -> None:
    """What is listed is GET, or the one search of a log store; no path holds a verb that writes."""
    reads = tested.make("http://127.0.0.1:1").reads  # type: ignore[attr-defined]

    assert all(each.method == "GET" or each.template.endswith("/_search") for each in reads)
    assert not any(word in each.template for each in reads for word in ("secret", "_bulk", "admin", "delete", "{path}"))
