from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from memory.drafts import DraftShelf, accepted
from memory.protocol import Verdict
from memory.threads import drafted, read
from ontology.errors import BadInput, NotFound

SLACK = [
    {"type": "message", "ts": "1767225600.000100", "user": "U1", "user_profile": {"display_name": "ann"},
     "text": "Checkout is failing with 503 since 10:02"},
    {"type": "message", "ts": "1767225700.000200", "user": "U2", "text": "restarted the ledger, that didn't help"},
    {"type": "message", "subtype": "channel_join", "ts": "1767225710.000000", "user": "U9", "text": "<@U9> joined"},
    {"type": "message", "ts": "1767225800.000300", "user": "U1", "text": "is it fixed?"},
    {"type": "message", "ts": "1767225900.000400", "user": "U3",
     "text": "turned out the pool was 2, see <https://git.example.org/shop/pull/42|PR 42>"},
    {"type": "message", "ts": "1767226000.000500", "user": "U3", "text": "fyi LG is short for the ledger"},
]  # fmt: skip
TEXT = """# thread
10:02 ann: Checkout is failing with 503
  for all customers
10:05 **bob**: restarted the ledger, no change
10:09 cleo: reverted https://git.example.org/shop/commit/4f2a9c1, fixed
"""


def a_slack_file(folder: Path) -> Path:
    path = folder / "incident.json"
    path.write_text(json.dumps(SLACK))
    return path


def test_a_slack_thread_becomes_statements_with_their_messages(tmp_path: Path) -> None:
    """Problem, dead end, fix, change and shorthand are found, each with who said it and in which message."""
    draft = drafted(read(a_slack_file(tmp_path)))

    said = {(each.kind, each.who, each.message) for each in draft.statements}
    assert ("problem", "ann", "1767225600.000100") in said
    assert ("dead end", "U2", "1767225700.000200") in said
    assert ("fix", "U3", "1767225900.000400") in said
    assert [each.text for each in draft.of("link")] == ["https://git.example.org/shop/pull/42"]
    assert [each.message for each in draft.of("fact")] == ["1767226000.000500"]


def test_a_question_and_a_joiner_state_nothing(tmp_path: Path) -> None:
    """Neither `is it fixed?` nor the notice that somebody joined is quoted."""
    quoted = {each.message for each in drafted(read(a_slack_file(tmp_path))).statements}

    assert not quoted & {"1767225710.000000", "1767225800.000300"}


def test_a_text_is_cited_by_its_lines(tmp_path: Path) -> None:
    """A plain text gives the same, by line; a line without a name belongs to the message before."""
    path = tmp_path / "thread.md"
    path.write_text(TEXT)

    draft = drafted(read(path))

    assert [(each.who, each.message) for each in draft.of("problem")] == [("ann", "line 2")]
    assert draft.of("problem")[0].text.endswith("for all customers")
    assert [each.message for each in draft.of("dead end")] == ["line 4"]
    assert [each.message for each in draft.of("fix")] == ["line 5"]


def test_secrets_are_taken_out_before_anything_is_drafted(tmp_path: Path) -> None:
    """What `redact` takes out stands in no statement."""
    path = tmp_path / "thread.txt"
    path.write_text("ann: login is failing, password is hunter2\n")

    draft = drafted(read(path, lambda text: text.replace("hunter2", "<redacted>")))

    assert [each.text for each in draft.statements] == ["login is failing, password is <redacted>"]


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", '{"messages": []}'])
def test_what_is_no_thread_is_said_plainly(tmp_path: Path, text: str) -> None:
    """An empty or broken export is an error with a next step, never an empty draft."""
    path = tmp_path / "broken.json"
    path.write_text(text)

    with pytest.raises(BadInput):
        read(path)


def test_a_draft_is_an_episode_only_once_it_is_accepted(tmp_path: Path) -> None:
    """A kept draft waits, comes back equal, and its episode cites messages and teaches no suspicion."""
    shelf, draft = DraftShelf(tmp_path / "drafts"), drafted(read(a_slack_file(tmp_path)))
    shelf.keep("incident", draft)

    episode = accepted("incident", shelf.show("incident"), datetime(2026, 1, 2, tzinfo=UTC))

    assert shelf.waiting() == ("incident",)
    assert shelf.show("incident") == draft
    assert "1767225900.000400" in episode.claim
    assert "https://git.example.org/shop/pull/42" in episode.remedy
    assert (episode.cause, episode.verdict) == (None, Verdict.UNRESOLVED)
    shelf.drop("incident")
    with pytest.raises(NotFound):
        shelf.show("../incident")
