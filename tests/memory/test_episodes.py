from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from memory.episodes import EpisodeStore, facts, turtle
from memory.likeness import likeness
from memory.protocol import Episode, Symptom, Verdict
from memory.runbooks import fits, read
from memory.track_record import track_record
from ontology import terms
from ontology.errors import BadInput, NotAllowed, NotFound
from ontology.iris import service
from ontology.nouns import Alert, Entity, Window

CHECKOUT = Entity(service("checkout"), "Service", "checkout")
LEDGER = Entity(service("ledger"), "Service", "ledger")
SYMPTOMS = (Symptom("ledger", "http_server_request_duration_p99_seconds", "up"),)


def an_alert(alert_id: str = "a-1", title: str = "CheckoutLatencyHigh") -> Alert:
    window = Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z")
    return Alert(alert_id, title, window, summary="checkout is slow", labels={"alertname": title})


def an_episode(alert: Alert | None = None, **changes: object) -> Episode:
    episode = Episode(
        id="case-a-1",
        alert=alert or an_alert(),
        entities=(LEDGER, CHECKOUT),
        cause=LEDGER,
        failure_mode="dependency-slow",
        verdict=Verdict.CONFIRMED,
        closed=datetime(2026, 1, 1, 1, tzinfo=UTC),
        claim="the ledger's database is slow",
        remedy="end the long transaction",
        symptoms=SYMPTOMS,
        confidence=0.84,
        questions=6,
    )
    return replace(episode, **changes)  # type: ignore[arg-type]  # the test's own keywords


def test_an_episode_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    """What was remembered is read back equal, every field."""
    store = EpisodeStore(tmp_path)

    store.remember(an_episode())

    assert store.show("case-a-1") == an_episode()


def test_an_alike_incident_recalls_the_episode_and_says_why(tmp_path: Path) -> None:
    """The same alert with the same symptoms on another day recalls the episode, with reasons."""
    store = EpisodeStore(tmp_path)
    store.remember(an_episode())

    found = store.recall(an_alert("a-2"), (CHECKOUT, LEDGER), SYMPTOMS)

    assert [each.episode.id for each in found] == ["case-a-1"]
    assert any("same alert" in why for why in found[0].why)
    assert any("ledger" in why for why in found[0].why)


def test_an_unlike_incident_recalls_nothing(tmp_path: Path) -> None:
    """Another alert about other entities with other symptoms recalls no episode."""
    store = EpisodeStore(tmp_path)
    store.remember(an_episode())
    elsewhere = Entity(service("mailer"), "Service", "mailer")

    found = store.recall(an_alert("a-3", "DiskFull"), (elsewhere,), (Symptom("mailer", "disk_used", "up"),))

    assert not found


def test_the_same_alert_with_other_symptoms_is_not_the_same_story(tmp_path: Path) -> None:
    """The same alert on the same entities recalls nothing while other signals moved."""
    store = EpisodeStore(tmp_path)
    store.remember(an_episode())

    found = store.recall(an_alert("a-2"), (CHECKOUT, LEDGER), (Symptom("checkout", "process_open_fds", "up"),))

    assert not found


def test_an_incident_does_not_recall_itself(tmp_path: Path) -> None:
    """Opening the same alert again does not count as a second opinion."""
    store = EpisodeStore(tmp_path)
    store.remember(an_episode())

    assert not store.recall(an_alert("a-1"), (CHECKOUT, LEDGER), SYMPTOMS)


def test_likeness_stays_between_zero_and_one() -> None:
    """Even an exact repeat is at most wholly alike, and no symptom at all is not likeness."""
    whole = likeness(an_alert("a-2"), (CHECKOUT, LEDGER), SYMPTOMS, an_episode(), meaning=1.0)
    bare = likeness(an_alert("a-2", "Other"), (), (), an_episode())

    assert whole.value == pytest.approx(1.0)
    assert bare.value == 0.0


def test_saving_again_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The same id saved twice is one episode, without drafts beside it."""
    store = EpisodeStore(tmp_path)
    store.remember(an_episode())

    store.remember(an_episode(remedy="restart"))

    assert [each.remedy for each in store.episodes()] == ["restart"]
    assert [path.name for path in tmp_path.iterdir()] == ["case-a-1"]


def test_a_folder_that_cannot_be_made_is_said_plainly(tmp_path: Path) -> None:
    """Where a file stands in the way, the error names the folder and what to do."""
    (tmp_path / "episodes").write_text("in the way")

    with pytest.raises(NotAllowed, match="writable"):
        EpisodeStore(tmp_path / "episodes").remember(an_episode())


def test_forgetting_removes_it_and_unknown_ids_are_refused(tmp_path: Path) -> None:
    """A forgotten episode is gone; an unknown or hostile id removes nothing."""
    store = EpisodeStore(tmp_path)
    store.remember(an_episode())

    store.forget("case-a-1")

    assert not store.episodes()
    for unknown in ("case-a-1", "../..", ""):
        with pytest.raises(NotFound):
            store.forget(unknown)


def test_the_record_in_rdf_names_cause_and_verdict() -> None:
    """The facts and the Turtle of an episode tell its cause, remedy and verdict."""
    said = {(fact.predicate, fact.object) for fact in facts(an_episode())}

    assert (terms.CAUSE, LEDGER.iri) in said
    assert (terms.VERDICT, terms.verdict_iri("confirmed")) in said
    assert "end the long transaction" in turtle(an_episode())


def test_the_track_record_counts_only_what_was_decided() -> None:
    """Confirmed and rejected count, unresolved does not, and history narrows the belief."""
    verdicts = (Verdict.CONFIRMED, Verdict.CONFIRMED, Verdict.REJECTED, Verdict.UNRESOLVED)
    record = track_record([an_episode(verdict=each) for each in verdicts], "dependency-slow")

    assert (record.right, record.wrong) == (2, 1)
    assert record.width < track_record([], "dependency-slow").width


def test_a_runbook_is_read_and_matched(tmp_path: Path) -> None:
    """A runbook's triggers decide whether it fits; a file without a header says what to do."""
    path = tmp_path / "slow.md"
    path.write_text("---\ntitle: Slow\nalerts: [CheckoutLatencyHigh]\n---\n1. Look at the pool.\n2. Look at locks.\n")
    bare = tmp_path / "bare.md"
    bare.write_text("no header")

    runbook = read(path)

    assert runbook.steps == ("Look at the pool.", "Look at locks.")
    assert fits(runbook, an_alert())
    assert not fits(runbook, an_alert(title="DiskFull"))
    with pytest.raises(BadInput, match="header"):
        read(bare)
