"""The agent's next cell reaches the lab where one has answered, and IPython's next input where none has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from workbench.notebook import nextcell

TIMEOUT = 60


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A client of a real kernel, in the place of the lab."""
    manager, client = start_new_kernel(startup_timeout=TIMEOUT)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def _run(client: Any, code: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run the code; return the payloads of the reply, and what was sent to the lab."""
    sent: list[dict[str, Any]] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] == "comm_open" and message["content"]["target_name"] == nextcell.TARGET:
            sent.append(message["content"])

    reply = client.execute_interactive(code, output_hook=hear, timeout=TIMEOUT)
    assert reply["content"]["status"] == "ok", reply["content"]
    return reply["content"]["payload"], sent


def _answer(client: Any, comm_id: str, action: str) -> None:
    """Answer a comm of the kernel as the lab extension does."""
    content = {"comm_id": comm_id, "data": {"action": action}}
    client.shell_channel.send(client.session.msg("comm_msg", content))


def test_outside_ipython_nothing_is_inserted():
    """In a script there is no next cell, and saying so is not an error."""
    nextcell.listen()

    assert nextcell.insert("case.step()") == "nowhere"


def test_the_way_follows_the_labs_answer(client: Any):
    """Before a lab answers the cell is IPython's next input; after, a comm carries it and no payload doubles it."""
    payload, sent = _run(client, "from workbench.notebook import nextcell as n; n.listen(); n.listen()")
    assert (payload, [each["data"] for each in sent]) == ([], [{"action": "hello"}])

    payload, unanswered = _run(client, "assert n.insert('case.step()') == 'next input'")
    assert payload == [{"source": "set_next_input", "text": "case.step()", "replace": False}]
    assert unanswered == []

    _answer(client, sent[0]["comm_id"], "here")
    payload, sent = _run(client, "assert n.insert('case.look_at(\"payment\")', id='p1') == 'lab'")
    assert payload == []
    assert [each["data"] for each in sent] == [{"action": "insert", "source": 'case.look_at("payment")', "id": "p1"}]


def test_a_kernel_shows_that_it_holds_a_case(client: Any):
    """The greeting's comm stays open, so that a lab that reloads does not run the opening cells again."""
    _run(client, "from workbench.notebook import nextcell as n; n.listen()")
    client.comm_info(target_name=nextcell.TARGET)
    while True:
        reply = client.get_shell_msg(timeout=TIMEOUT)
        if reply["msg_type"] == "comm_info_reply":
            break

    assert len(reply["content"]["comms"]) >= 1
