"""From the queue to the channel: told once and only when sure, edited after that, through deaths and outages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ontology.errors import BadInput
from ontology.nouns import Alert
from workbench import assembly
from workbench.desk.door import take_up
from workbench.desk.tell import notice_of, places, tell
from workbench.desk.thresholds import routed
from workbench.desk.watch import Watch
from workbench.engine.loop import opened
from workbench.journal import Journal, sent
from workbench.journal.queue import Decision, Progress
from workbench.settings import Route, Settings
from workbench.testing.receivers import MailServer, Post, Receiver, Reply, SlackServer


def _settings(tmp_path: Path, slack: SlackServer, **more: Any) -> Settings:
    given = {"slack_channel": "C1", "slack_token": slack.token, "slack_url": slack.url, "threshold": 0.0, **more}
    return Settings(home=tmp_path / "home", public_url="https://lab.example", **given)


def _deliver(settings: Settings, small_case: Path) -> Alert:
    alert = assembly.recorded_alert(str(small_case))
    assembly.journal(settings).receive([alert], str(small_case))
    return alert


def _later(settings: Settings, minutes: float = 5) -> Journal:
    """Return the journal as it is used some minutes from now: pauses and leases have passed."""
    return Journal(settings.home / "journal.db", now=lambda: datetime.now(UTC) + timedelta(minutes=minutes))


def test_a_finding_is_told_once_and_its_end_edits_the_message(tmp_path: Path, small_case: Path) -> None:
    """Workers that look again and again add nothing; the end of the alert is an edit and a reply in the thread."""
    with SlackServer() as slack:
        settings = _settings(tmp_path, slack)
        alert = _deliver(settings, small_case)
        for _ in range(3):
            Watch(settings, "a").once()
        tell(_later(settings), settings, "b")
        assert [post.path for post in slack.posts] == ["/api/chat.postMessage"]

        now = datetime.now(UTC)
        _later(settings).receive([alert], str(small_case), {alert.id: now})
        tell(_later(settings), settings, "b")
        tell(_later(settings, 10), settings, "c")

        (message,) = slack.threads
        assert [post.path for post in slack.posts[1:]] == ["/api/chat.update", "/api/chat.postMessage"]
        assert (message["edits"], len(slack.messages)) == (1, 2)
        assert f"https://lab.example/workbench/open/{alert.id}" in str(message["blocks"])


def test_quiet_stays_quiet(tmp_path: Path, small_case: Path) -> None:
    """What does not reach its threshold is told nowhere, not even when it ends; nor is an old finding, told late."""
    with SlackServer() as slack, Receiver() as hook:
        settings = _settings(tmp_path, slack, threshold=1.0, notify_url=hook.url)
        alert = _deliver(settings, small_case)
        Watch(settings, "a").once()
        _later(settings).receive([alert], str(small_case), {alert.id: datetime.now(UTC)})
        tell(_later(settings), settings, "b")

        unset = Settings(home=tmp_path / "other", threshold=0.0)
        _deliver(unset, small_case)
        Watch(unset, "a").once()
        chosen = _settings(tmp_path, slack, notify_url=hook.url).model_copy(update={"home": unset.home})
        tell(_later(unset, 120), chosen, "b")

        assert (slack.posts, hook.posts) == ([], [])


def test_an_outage_stops_no_investigation_and_the_message_comes_when_it_is_over(
    tmp_path: Path, small_case: Path
) -> None:
    """The case is investigated, the reason kept; one place that is down does not keep the other from being told."""
    with SlackServer() as slack, MailServer() as mail:
        more = {
            "smtp_host": "127.0.0.1",
            "smtp_port": mail.port,
            "smtp_security": "none",
            "mail_to": ("a@example.org",),
        }
        settings = _settings(tmp_path, slack, mail_from="b@example.org", **more)
        _deliver(settings, small_case)
        slack.next = [Reply(429, headers={"Retry-After": "60"})]

        place = Watch(settings, "a").once()

        assert place is not None
        assert place.state is Progress.INVESTIGATED
        problems = {each.place: each.problem for each in sent.messages(assembly.journal(settings).database)}
        assert "429" in problems["slack C1"]
        assert problems["mail a@example.org"] == ""
        tell(assembly.journal(settings), settings, "a")
        assert not slack.threads  # it asked for a minute
        tell(_later(settings), settings, "a")
        assert (len(slack.threads), len(mail.mails)) == (1, 1)


class _Deadly(SlackServer):
    """A Slack that keeps the message, and whose sender is killed before it hears so."""

    victim: subprocess.Popen[bytes] | None = None

    def reply(self, post: Post) -> Reply:
        answer = super().reply(post)
        if self.victim is not None:
            self.victim.send_signal(signal.SIGKILL)
            self.victim.wait()
        return answer


def test_a_worker_killed_between_sending_and_noting_leaves_one_message(tmp_path: Path, small_case: Path) -> None:
    """The next worker waits until its lease is over, then edits what arrived."""
    with SlackServer() as first, _Deadly() as deadly:
        settings = _settings(tmp_path, first, slack_channel="")
        _deliver(settings, small_case)
        Watch(settings, "a").once()
        chosen = _settings(tmp_path, deadly)
        given = {
            "WORKBENCH_HOME": str(settings.home),
            "WORKBENCH_SLACK_CHANNEL": "C1",
            "WORKBENCH_SLACK_URL": deadly.url,
        }
        code = (
            "from workbench import assembly, settings as s; from workbench.desk.tell import tell; input(); c = s.load()"
        )
        line = [sys.executable, "-c", f"{code}; tell(assembly.journal(c), c, 'victim')"]
        named = {**os.environ, **given, "WORKBENCH_SLACK_TOKEN": deadly.token}
        with subprocess.Popen(line, env=named, stdin=subprocess.PIPE) as deadly.victim:
            deadly.victim.communicate(b"\n")
            assert deadly.victim.returncode == -signal.SIGKILL
        assert len(deadly.threads) == 1

        deadly.victim = None  # the next worker lives
        tell(assembly.journal(chosen), chosen, "early")
        assert len(deadly.posts) == 1
        tell(_later(chosen), chosen, "heir")

        (message,) = deadly.threads
        assert message["edits"] == 1
        (row,) = sent.messages(assembly.journal(chosen).database)
        assert (row.revision, row.reference, row.again) == (1, "C1/1700000000.000001", 0)


def test_workers_that_look_at_the_same_time_tell_once(tmp_path: Path, small_case: Path) -> None:
    """Eight at once on one journal: one message."""
    with SlackServer() as slack:
        slack.knows_doubles = False
        quiet = _settings(tmp_path, slack, slack_channel="")
        _deliver(quiet, small_case)
        Watch(quiet, "a").once()
        settings, together = _settings(tmp_path, slack), threading.Barrier(8)

        def work(n: int) -> None:
            journal = assembly.journal(settings)
            together.wait()
            tell(journal, settings, f"worker {n}")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))

        assert len(slack.posts) == 1


def test_a_storm_is_one_message(tmp_path: Path, small_case: Path) -> None:
    """What is attached to a case is counted in its message, and has none of its own."""
    with SlackServer() as slack:
        settings = _settings(tmp_path, slack)
        alert = _deliver(settings, small_case)
        Watch(settings, "a").once()
        others, journal = [replace(alert, id=f"other-{n:x}-20260101t000000z") for n in range(40)], _later(settings)
        journal.receive(others, str(small_case))
        head = Decision(Progress.ATTACHED, alert.id, "storm: 40")
        for each in others:
            journal.queue.sort(each.id, [], [], [], lambda _new, _heads: head, timedelta())
        tell(journal, settings, "b")

        (message,) = slack.messages.values()
        assert "41 alerts" in str(message["blocks"])


def test_no_place_is_left_out_and_none_that_is_gone_is_looked_at_again(tmp_path: Path, small_case: Path) -> None:
    """A worker that died between two places told one; the next tells the other; a place that was unset is let go."""
    with SlackServer() as slack, Receiver() as hook:
        both = _settings(tmp_path, slack, notify_url=hook.url)
        alert = _deliver(both, small_case)
        Watch(_settings(tmp_path, slack, slack_channel=""), "a").once()
        journal = assembly.journal(both)
        (due,) = sent.due(journal.database, journal.now())
        first, second = assembly.notifiers(both)
        sent.plan(journal.database, due, [first.place, second.place])
        held = sent.take(journal.database, due, first.place, "dead", journal.now())
        assert held is not None
        sent.note(journal.database, held, due, "C1/1", "digest", "gist", journal.now())

        tell(_later(both), both, "b")
        assert (len(slack.posts), len(hook.posts)) == (0, 1)

        _later(both).receive([alert], str(small_case), {alert.id: datetime.now(UTC)})
        tell(_later(both, 10), _settings(tmp_path, slack, slack_channel="", notify_url=hook.url), "b")
        assert (len(slack.posts), len(hook.posts)) == (0, 2)
        assert sent.due(journal.database, _later(both, 20).now()) == ()


def test_what_a_sender_wrote_is_one_visible_line(tmp_path: Path, small_case: Path) -> None:
    """Line breaks, terminal codes and bidirectional marks are gone; a link that runs script or names a user is too."""
    settings = Settings(home=tmp_path, public_url="https://lab.example/")
    links = {"runbook": "javascript:alert(1)", "board": "https://u:p@evil.example/", "alert": "https://good.example/"}
    alert = replace(
        assembly.recorded_alert(str(small_case)), title="a\r\nBcc: eve@evil.example\x1b[31m\u202e" * 50, links=links
    )
    notice = notice_of(opened(alert), sent.Due(alert.id, "", 1, None), settings)

    assert notice.title.isprintable()
    assert len(notice.title) <= 140
    assert notice.links == {"alert": "https://good.example/"}
    assert (notice.sure, notice.notebook) == (False, f"https://lab.example/workbench/open/{alert.id}")


def test_a_route_says_where_and_how_much(tmp_path: Path, small_case: Path) -> None:
    """For each setting the route with most labels counts, the budget of the case too; a wrong route is refused."""
    with SlackServer(("C1", "C2")) as slack:
        routes = {
            "severity=critical": Route(slack_channel="C9", budget_questions=7),
            "severity=critical service=front*": Route(slack_channel="C2"),
            "service=cart": Route(slack_channel="C3"),
        }
        settings = _settings(tmp_path, slack, routes=routes)
        alert = _deliver(settings, small_case)
        Watch(settings, "a").once()

        assert [each["channel"] for each in slack.threads] == ["C2"]
        assert take_up(alert.id, settings).tools.budget.questions == 7
        assert routed(replace(alert, labels={}, severity="info"), settings).slack_channel == "C1"
        with pytest.raises(BadInput, match="names no labels"):
            routed(alert, Settings(home=tmp_path, routes={"checkout": Route()}))
        with pytest.raises(BadInput, match="needs 'slack_token'"):
            places(Settings(home=tmp_path, routes={"service=cart": Route(slack_channel="C3")}))


def test_the_verb_tries_every_place_and_says_what_came_back(workbench: Any) -> None:
    """`notify test` tells and edits; a place that refuses is named with what mends it, and the exit code is 1."""
    with SlackServer() as slack, Receiver() as hook:
        given = {"SLACK_CHANNEL": "C1", "SLACK_URL": slack.url, "NOTIFY_URL": hook.url}
        ran = workbench("notify", "test", **given, SLACK_TOKEN="xoxb-other")

    assert (ran.code, "ok     webhook" in ran.out) == (1, True)
    assert "WRONG  slack C1: Slack refuses for slack C1: invalid_auth. Next: Set slack_token" in ran.out
    assert [(post.said["revision"], post.said["state"]) for post in hook.posts] == [(1, "firing"), (2, "resolved")]
