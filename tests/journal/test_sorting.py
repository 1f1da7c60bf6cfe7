"""Before the work: what a person muted, what belongs to an open case, and what is gathered in a storm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ontology.errors import BadInput, NotFound
from ontology.nouns import Alert, Window
from workbench.journal import Journal, Limits, Progress, rules
from workbench.journal.queue import Decision, Sight

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALONE = Decision(Progress.RECEIVED)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db", now=lambda: START)


def _alert(n: int, severity: str = "warning", minutes: float = 0.0, **labels: str) -> Alert:
    fired = START + timedelta(minutes=minutes)
    alert_id = f"slow-{n:x}-{fired:%Y%m%dt%H%M%Sz}"
    return Alert(alert_id, "Slow", Window(fired, fired), severity=severity, labels=labels)


def test_nobody_takes_what_is_not_sorted(journal: Journal) -> None:
    """A worker that asks for sorted alerts gets none until one is, and then that one."""
    journal.receive([_alert(1, "critical"), _alert(2)])
    assert journal.queue.claim("a", Limits(), sorted_only=True) is None

    journal.queue.sort(_alert(2).id, [], [], [], lambda _new, _heads: ALONE, HOUR)

    claim = journal.queue.claim("a", Limits(), sorted_only=True)
    assert claim is not None
    assert claim.alert_id == _alert(2).id
    assert journal.queue.unsorted(10) == (_alert(1).id,)


def test_a_sorter_sees_the_open_cases_and_its_word_counts(journal: Journal) -> None:
    """It is shown the heads of cases that fired within the hour; an attached alert is no head, and is never claimed."""
    early, head, new, more = _alert(1, minutes=-70), _alert(2), _alert(3), _alert(4)
    journal.receive([early, head, new, more])
    seen: list[list[str]] = []

    def decide(_new: Sight, heads: tuple[Sight, ...]) -> Decision:
        seen.append([each.alert_id for each in heads])
        return Decision(Progress.ATTACHED, head.id, "beside it") if _new.alert_id == new.id else ALONE

    for each in (early, head, new, more):
        journal.queue.sort(each.id, ["a"], ["a", "b"], ["x=1"], decide, HOUR)

    assert seen == [[], [], [head.id], [head.id]]
    (member,) = journal.queue.members(head.id)
    assert (member.alert_id, member.state, member.because) == (new.id, Progress.ATTACHED, "beside it")
    claimed = {claim.alert_id for _ in range(4) if (claim := journal.queue.claim("a", Limits(at_once=9)))}
    assert claimed == {early.id, head.id, more.id}


def test_an_alert_is_told_how_often_it_fired(journal: Journal) -> None:
    """The firings of its series in the hour before it are counted, itself included."""
    firings = [_alert(1, minutes=each) for each in (-90, -50, -10, 0)]
    journal.receive(firings)
    told: list[int] = []

    def decide(new: Sight, _heads: tuple[Sight, ...]) -> Decision:
        told.append(new.firings)
        return ALONE

    journal.queue.sort(firings[-1].id, [], [], [], decide, HOUR)

    assert told == [3]


def test_a_storm_is_one_case(journal: Journal) -> None:
    """Below the number nothing happens; from it on all go to the worst one, and so does what comes after."""
    journal.receive([_alert(n) for n in range(9)])
    assert journal.queue.gather(timedelta(minutes=5), 10) == 0
    journal.receive([_alert(9, "critical")])

    assert journal.queue.gather(timedelta(minutes=5), 10) == 9
    claim = journal.queue.claim("a", Limits(), sorted_only=True)
    assert claim is not None
    assert claim.alert_id == _alert(9).id
    journal.receive([_alert(n, "critical") for n in range(10, 30)])
    assert journal.queue.gather(timedelta(minutes=5), 10) == 20
    assert len(journal.queue.members(_alert(9).id)) == 29
    assert journal.queue.claim("b", Limits(at_once=9), sorted_only=True) is None


def test_a_storm_takes_along_what_a_waiting_case_had_gathered(journal: Journal) -> None:
    """An alert attached to a case that the storm swallows belongs to the storm's case then."""
    journal.receive([_alert(1), _alert(2)])
    to_first = Decision(Progress.ATTACHED, _alert(1).id, "beside it")
    for n, decision in ((1, ALONE), (2, to_first)):
        journal.queue.sort(_alert(n).id, [], [], [], lambda _new, _heads, said=decision: said, HOUR)  # type: ignore[misc]
    journal.receive([_alert(3, "critical"), *(_alert(n) for n in range(4, 9))])

    journal.queue.gather(timedelta(minutes=5), 5)

    assert {each.case_of for each in journal.queue.places(Progress.ATTACHED)} == {_alert(3).id}


def test_what_is_over_is_over_for_its_earlier_firings(journal: Journal) -> None:
    """A sender that names no start ends all that fired before; a later firing stays open."""
    journal.receive([_alert(1, minutes=-20), _alert(1, minutes=5), _alert(2, minutes=-20)])

    journal.receive([], resolved={_alert(1).id: START})

    over = {each.alert_id for each in journal.queue.places() if each.resolved == START}
    assert over == {_alert(1, minutes=-20).id}


def test_a_repeat_under_a_later_start_is_not_a_new_alert(journal: Journal) -> None:
    """Where its series is known nothing is added, and no alert is left behind; where it is not, it counts."""
    later = _alert(1, minutes=3)

    assert journal.receive([_alert(1)], repeats={_alert(1).id}) == 1
    assert journal.receive([later], repeats={later.id}) == 0
    with pytest.raises(NotFound):
        journal.alert(later.id)


def test_a_rule_fits_by_all_its_labels_and_ends_by_itself(journal: Journal) -> None:
    """A star fits any text, the title is a label, a label that is missing does not fit; past its end it is gone."""
    labels = {"alertname": "Sl*", "service": "checkout"}
    rules.add(journal.database, "mute", labels, "planned", now=START, until=START + HOUR)
    (rule,) = rules.active(journal.database, START)

    assert rule.fits(_alert(1, service="checkout", team="a"))
    assert not rule.fits(_alert(1, service="payment"))
    assert not rule.fits(_alert(1))
    assert "planned" in rule.words
    assert rules.active(journal.database, START + HOUR) == ()


def test_a_rule_needs_a_label_a_reason_and_an_end(journal: Journal) -> None:
    """None of the three may be missing, and a rule that is not in force cannot be ended."""
    for labels, because, until in (({}, "x", HOUR), ({"a": "b"}, " ", HOUR), ({"a": "b"}, "x", timedelta(0))):
        with pytest.raises(BadInput):
            rules.add(journal.database, "mute", labels, because, now=START, until=START + until)
    with pytest.raises(NotFound):
        rules.end(journal.database, 7, START)


def test_a_muted_alert_is_kept_and_not_worked_on(journal: Journal) -> None:
    """It stays in the queue's list with the rule's words."""
    journal.receive([_alert(1)])
    journal.queue.mute(_alert(1).id, "muted until noon")

    (place,) = journal.queue.places(Progress.MUTED)
    assert place.because == "muted until noon"
    assert journal.queue.claim("a", Limits()) is None
