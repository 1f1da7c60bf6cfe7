"""The public doubles keep to the ports and to the wire that they stand in for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from memory.protocol import Episode, Memory, Verdict
from workbench.nouns import Answered, Budget, Failed, Modality, Question, Silent
from workbench.ports import Clock, GraphView, Reasoner, Source, Thought
from workbench.testing import (
    FailingSource,
    FixedClock,
    ListMemory,
    MessagesServer,
    ScriptedReasoner,
    SilentSource,
    StaticGraph,
    called,
    failed,
    said,
    shop_case,
    shop_environment,
)
from workbench.testing.shop import CART, FRONTEND, LATENCY, PAYMENT


def a_client(server: MessagesServer) -> Any:
    from anthropic import Anthropic

    return Anthropic(api_key="sk-test", base_url=server.url, max_retries=0)


HELLO: Any = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}


def test_the_doubles_stand_in_for_their_ports() -> None:
    """Each double can be given wherever its port is asked for."""
    world = shop_environment()
    sources: list[Source] = [SilentSource(), FailingSource(), world.sources[Modality.METRICS]]
    graph: GraphView = StaticGraph(())
    clock: Clock = FixedClock(0)
    reasoner: Reasoner = ScriptedReasoner()
    memory: Memory = ListMemory()
    assert all(source.name for source in sources)
    assert graph.between(()) == ()
    assert memory.recall(shop_case().alert, ()) == ()
    assert reasoner.think(shop_case(), Budget()).note == "the script is over"
    assert clock.now().year == 1970


def test_a_table_answers_only_what_was_asked() -> None:
    """Rows outside the window and its baseline, of other entities or of other metrics do not come back."""
    case, source = shop_case(), shop_environment().sources[Modality.METRICS]
    window = case.alert.window
    whole = source.ask(Question(Modality.METRICS, window, (CART,), baseline=window.before(60), what="http_*")).table
    assert whole is not None
    assert set(whole["entity"]) == {"cart"}
    assert set(whole["metric"]) == {LATENCY}
    assert (len(whole), whole["time"].min()) == (44, window.start - timedelta(seconds=60))
    assert isinstance(source.ask(Question(Modality.METRICS, window, what="http")).reply, Silent)
    assert isinstance(source.ask(Question(Modality.METRICS, window.before(9e6).before(1))).reply, Silent)


def test_silence_failure_and_an_answer_are_three_things() -> None:
    """The three sources give the three kinds of reply."""
    question = Question(Modality.METRICS, shop_case().alert.window)
    sources = (SilentSource(), FailingSource(), shop_environment().sources[Modality.METRICS])
    assert [type(source.ask(question).reply) for source in sources] == [Silent, Failed, Answered]


def test_the_graph_starts_at_what_the_alert_names_and_goes_by_distance() -> None:
    """The entity in the labels comes first, then its neighbours, as far as was asked."""
    graph = shop_environment().graph
    assert graph.around(shop_case().alert, 0) == (FRONTEND,)
    assert graph.around(shop_case().alert, 1) == (FRONTEND, CART)
    assert graph.around(shop_case().alert, 5) == (FRONTEND, CART, PAYMENT)
    assert len(graph.between((FRONTEND, CART))) == 1


def test_memory_recalls_what_it_was_given_and_keeps_one_of_each() -> None:
    """The same id replaces; the same alert is recalled."""
    memory, case = ListMemory(), shop_case()
    for mode in ("unknown", "overload"):
        memory.remember(Episode("case-1", case.alert, (), None, mode, Verdict.CONFIRMED, case.alert.fired))
    (recalled,) = memory.recall(case.alert, case.scope)
    assert recalled.episode.failure_mode == "overload"


def test_the_scripted_reasoner_says_its_thoughts_in_order() -> None:
    """Thought by thought, then nothing more; what it was shown can be looked at."""
    reasoner = ScriptedReasoner((Thought(note="one"), Thought(note="two")))
    notes = [reasoner.think(shop_case(), Budget()).note for _ in range(3)]
    assert notes == ["one", "two", "the script is over"]
    assert len(reasoner.seen) == 3


def test_a_clock_may_tick() -> None:
    """With a step, each reading is that much later."""
    clock = FixedClock("2026-01-01T00:00:00Z", step=2.0)
    assert (clock.now() - clock.now()).total_seconds() == -2.0


def test_the_server_speaks_messages_whole_and_streamed() -> None:
    """The SDK reads the same text, tool call, stop reason and usage from a whole and from a streamed reply."""
    reply = called(("look", {"where": ["a", {"b": 1}]}), usage={"input_tokens": 7, "output_tokens": 3})
    with MessagesServer([reply]) as server:
        client = a_client(server)
        whole = client.messages.create(**HELLO)
        with client.messages.stream(**HELLO) as stream:
            streamed = stream.get_final_message()
    for message in (whole, streamed):
        assert message.content[0].input == {"where": ["a", {"b": 1}]}
        assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("tool_use", 7, 3)
        assert message.usage.cache_read_input_tokens == 0


def test_the_server_counts_tokens_and_lists_models() -> None:
    """count_tokens and models answer as the SDK expects."""
    with MessagesServer([said("hi")], input_tokens=42) as server:
        client = a_client(server)
        counted = client.messages.count_tokens(model=HELLO["model"], messages=HELLO["messages"])
        assert counted.input_tokens == 42
        assert [model.id for model in client.models.list()] == ["claude-opus-5-5"]


def test_the_server_fails_as_the_api_does() -> None:
    """A scripted status raises the SDK's own error, with the error code in its details."""
    import anthropic

    with MessagesServer([failed(529), failed(429, error_code="enforced_spend_limit_reached")]) as server:
        client = a_client(server)
        with pytest.raises(anthropic.OverloadedError):
            client.messages.create(**HELLO)
        with pytest.raises(anthropic.RateLimitError) as limited:
            client.messages.create(**HELLO)
    assert limited.value.error_code == "enforced_spend_limit_reached"


def test_the_server_can_be_a_function_of_the_request() -> None:
    """A function sees the body and decides."""
    with MessagesServer(lambda body: said(body["messages"][0]["content"].upper())) as server:
        assert a_client(server).messages.create(**HELLO).content[0].text == "HELLO"
    assert server.requests[0]["model"] == "claude-opus-5-5"
