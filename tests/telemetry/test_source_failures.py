"""What every source says when its server refuses, breaks off, is slow, has a wrong clock, or is something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ontology.nouns import Alert, Window
from workbench.assembly import StoppedClock
from workbench.engine.loop import investigate, opened
from workbench.graph.store import GraphStore
from workbench.graph.view import View
from workbench.nouns import Answered, Budget, Failed, Modality, Question
from workbench.ports import Environment, Source
from workbench.reasoning.statistical import StatisticalReasoner
from workbench.telemetry.pace import Limits, Pace
from workbench.telemetry.several import several
from workbench.testing import ListMemory
from workbench.testing.contract import TESTED, Tested
from workbench.testing.vendors import ANY, Fault, VendorServer

HTTP = [each for each in TESTED if each.http]
ASKING = [each for each in TESTED if each.asks]
FILES = [each for each in TESTED if not each.asks]
NOWHERE = "http://127.0.0.1:1"
EMPTY = Window.of("2001-01-01T00:00:00Z", "2001-01-01T00:05:00Z")
REASONS = {
    Fault.DOWN: ("does not answer", "no connection"),
    Fault.SLOW: ("too long",),
    Fault.BROKEN: ("503",),
    Fault.HALF: ("does not answer", "broken"),
    Fault.MALFORMED: ("JSON", "not that of a Prometheus"),
}


def pace(fault: Fault | None = None) -> Pace:
    """A pace that never rests; where nobody will answer its time limit is small, as settings could make it."""
    seconds = 0.25 if fault is Fault.SLOW else 60.0
    return Pace("the double", Limits(seconds=seconds, per_second=1e6, failures=10**6), sleep=lambda _: None)


def name(each: object) -> str:
    return each.name if isinstance(each, Tested) else str(each)


@pytest.mark.parametrize("fault", REASONS, ids=name)
@pytest.mark.parametrize("tested", ASKING, ids=name)
def test_every_fault_of_a_server_is_failure_with_its_reason(
    tested: Tested, fault: Fault, case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """Down, silent, 503, half an answer and malformed JSON are Failed with reason and remedy, for every adapter."""
    with tested.double(case_tables[tested.modality]) as place:
        assert isinstance(place, VendorServer)
        place.fault = fault
        source = tested.make(NOWHERE if fault is Fault.DOWN else place.url, pace=pace(fault))
        reply = source.ask(Question(tested.modality, fault_window)).reply

    assert isinstance(reply, Failed), reply
    assert any(each in reply.reason for each in REASONS[fault]), reply.reason
    assert reply.remedy


@pytest.mark.parametrize("tested", ASKING, ids=name)
def test_a_clock_ten_minutes_off_is_said_and_its_silence_is_failure(
    tested: Tested, case_tables: dict[str, pd.DataFrame], fault_window: Window, quiet_window: Window
) -> None:
    """What is found is told with the words that the server's clock is off; that nothing is found tells nothing."""
    with tested.double(case_tables[tested.modality]) as place:
        assert isinstance(place, VendorServer)
        place.fault = Fault.CLOCK
        source = tested.make(place.url, pace=pace())
        found = source.ask(Question(tested.modality, fault_window, baseline=quiet_window)).reply
        empty = source.ask(Question(tested.modality, EMPTY)).reply

    assert isinstance(found, Answered), found
    assert "Its clock is about 10 min" in found.digest
    assert isinstance(empty, Failed), empty
    assert "Its clock is about 10 min" in empty.reason
    assert empty.remedy


@pytest.mark.parametrize("tested", FILES, ids=name)
def test_files_that_are_gone_or_damaged_are_failure(
    tested: Tested, case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """For sources that read files: none there, and bytes that are no such file, are Failed with reason and remedy."""
    with tested.double(case_tables[tested.modality]) as place:
        gone = tested.make(f"{place.url}-gone").ask(Question(tested.modality, fault_window)).reply
        _damage(Path(place.url))
        damaged = tested.make(place.url).ask(Question(tested.modality, fault_window)).reply

    for reply in (gone, damaged):
        assert isinstance(reply, Failed), reply
        assert reply.reason
        assert reply.remedy


def _damage(path: Path) -> None:
    """Put other bytes in the place of a file, or of every object of a repository."""
    every = [path] if path.is_file() else [each for each in path.glob(".git/objects/*/*") if each.is_file()]
    for each in every:
        each.chmod(0o600)
        each.write_bytes(b"\x00\xff no such thing \x00" * 20)


def test_every_source_stands_in_one_of_the_two_matrices() -> None:
    """No adapter is left out: it asks a server, or it reads files."""
    assert len(ASKING) + len(FILES) == len(TESTED)
    assert not any(each.http for each in FILES)


@pytest.fixture(params=[None, *REASONS], ids=name)
def world(
    request: pytest.FixtureRequest, case_tables: dict[str, pd.DataFrame]
) -> Iterator[tuple[Mapping[Modality, Source], bool]]:
    """The sources of a world in which one fault has all of them, or none has any."""
    with ExitStack() as stack:
        found: dict[Modality, list[Any]] = {}
        for tested in ASKING:
            place = stack.enter_context(tested.double(case_tables[tested.modality]))
            place.fault = request.param  # type: ignore[attr-defined]  # those that ask have servers
            url = NOWHERE if request.param is Fault.DOWN else place.url
            found.setdefault(tested.modality, []).append(tested.make(url, pace=pace(request.param)))
        yield {modality: several(sources) for modality, sources in found.items()}, request.param is not None


def test_an_investigation_goes_on(
    world: tuple[Mapping[Modality, Source], bool], fault_window: Window, quiet_window: Window
) -> None:
    """With every source at fault a case ends, names each kind as failed, and takes no silence for a zero."""
    sources, at_fault = world
    environment = Environment(sources, View(GraphStore.memory()), StoppedClock(fault_window.end))
    alert = Alert("a1", "CheckoutSlow", fault_window, labels={"service": "checkout"})
    budget = Budget(dollars=0.0, tokens=0, questions=20, seconds=60.0)

    *_, case = investigate(
        opened(alert), environment=environment, reasoner=StatisticalReasoner(), memory=ListMemory(), budget=budget
    )

    replies = {each.question.modality: each.reply for each in case.observations}
    assert replies
    if at_fault:
        assert all(isinstance(each.reply, Failed) for each in case.observations)
        assert not [each for each in case.findings if each.surfaced]
    else:
        assert any(isinstance(each, Answered) for each in replies.values())


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (501, b"boom", "501"),
        (403, b'{"message": "no"}', "403"),
        (302, b"", "302"),
        (200, b"", "JSON"),
        (200, b"<html>sign in</html>", "JSON"),
        (200, b"7", "something else"),
    ],
)
@pytest.mark.parametrize("tested", [each for each in HTTP if each.name != "prometheus"], ids=name)
def test_what_goes_wrong_is_failure_with_its_reason(
    tested: Tested, status: int, body: bytes, reason: str, fault_window: Window
) -> None:
    """A refusal, a redirect, a sign-in page or an empty answer is Failed and does not raise."""
    with VendorServer(lambda _path, _query: None, {ANY: (status, body)}) as server:
        reply = tested.make(server.url, pace=pace()).ask(Question(tested.modality, fault_window)).reply

    assert isinstance(reply, Failed), reply
    assert reason in reply.reason
    assert reply.remedy


FOREIGN = (b"{}", b'{"surprise": 1}', b'{"data": 3, "items": 3, "hits": 3, "series": 3}', b"[3]", b'[{"x": 1}]')


@pytest.mark.parametrize("body", FOREIGN)
@pytest.mark.parametrize("tested", HTTP, ids=name)
def test_an_answer_of_another_shape_is_no_silence(tested: Tested, body: bytes, fault_window: Window) -> None:
    """JSON that the vendor does not document is Failed: nobody looked, so nothing was found to be missing."""
    with VendorServer(lambda _path, _query: None, {ANY: (200, body)}) as server:
        reply = tested.make(server.url, pace=pace()).ask(Question(tested.modality, fault_window)).reply

    assert isinstance(reply, Failed), reply
    assert reply.remedy


@pytest.mark.parametrize("tested", HTTP, ids=name)
def test_no_source_asks_for_more_than_it_lists(tested: Tested, fault_window: Window) -> None:
    """What is listed is GET, the search of a log store, or the two that begin a query of Honeycomb's."""
    reads = tested.make("http://127.0.0.1:1").reads  # type: ignore[attr-defined]

    posted = {each.template for each in reads if each.method != "GET"}
    assert posted <= {"/logs-*/_search", "/1/queries/__all__", "/1/query_results/__all__"}
    assert {each.method for each in reads} <= {"GET", "POST"}
    assert not any(word in each.template for each in reads for word in ("secret", "_bulk", "admin", "delete", "{path}"))
