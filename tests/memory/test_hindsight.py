from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memory.episodes import EpisodeStore
from memory.hindsight import LATEST, MOST, learned
from memory.protocol import Episode, Raise, Symptom, Verdict
from ontology.iris import service
from ontology.nouns import Alert, Entity, Window

SHOP = ("front", "cart", "pay", "stock", "mail", "search")
START = datetime(2026, 1, 1, tzinfo=UTC)


def signs(cause: str, chance: random.Random) -> tuple[Symptom, ...]:
    """Return what shows when that service breaks: all are slow, and a quiet queue signal marks the one that broke."""
    told = [Symptom(name, "latency", "metric up") for name in SHOP if chance.random() < 0.8]
    noise = [Symptom(name, "cpu", "metric up") for name in SHOP if chance.random() < 0.3]
    calls = [Symptom(cause, "/get", f"trace slow from {name}") for name in SHOP if name != cause]
    return (*told, *noise, *calls, Symptom(cause, "backlog", "metric up"))


def an_episode(number: int, cause: str, *, blamed: str = "") -> Episode:
    """Return a closed incident; `blamed` is what its record names, where that is not the cause."""
    chance = random.Random(number)  # a made-up incident
    closed = START + timedelta(hours=number)
    who = Entity(service(blamed or cause), "Service", blamed or cause)
    alert = Alert(f"a-{number}", "ShopSlow", Window(closed, closed), labels={"alertname": "ShopSlow"})
    believed = tuple((name, -1.0 - chance.random()) for name in SHOP)
    symptoms = signs(cause, chance)
    return Episode(
        f"case-{number}", alert, (who,), who, "unknown", Verdict.CONFIRMED, closed, symptoms=symptoms, believed=believed
    )


def lived(count: int) -> list[Episode]:
    return [an_episode(number, SHOP[number % 4]) for number in range(count)]


def first(raised: tuple[Raise, ...] | list[Raise]) -> str:
    return raised[0].entity if raised else ""


def test_nothing_lived_through_raises_nobody() -> None:
    """Without closed incidents nobody is raised, whatever shows."""
    assert not learned([]).raises(signs("cart", random.Random(1)))


def test_what_showed_on_causes_raises_one_that_was_never_a_cause() -> None:
    """A service that never was the cause is raised most when it shows what causes showed: names are not needed."""
    raised = learned(lived(24)).raises(signs("search", random.Random(99)))

    assert first(raised) == "search"
    assert "24 closed incidents" in raised[0].because


def test_no_raise_passes_its_bound_and_nobody_is_lowered() -> None:
    """However many incidents agree, a raise stays between 0 and MOST nats."""
    for each in learned(lived(120)).raises(signs("pay", random.Random(5))):
        assert 0 < each.nats <= MOST


def test_one_more_episode_moves_a_raise_by_little() -> None:
    """After thirty incidents a thirty-first that blames somebody else moves no raise by a nat."""
    before = {each.entity: each.nats for each in learned(lived(30)).raises(signs("cart", random.Random(3)))}
    wrong = an_episode(30, "cart", blamed="mail")
    after = {each.entity: each.nats for each in learned([*lived(30), wrong]).raises(signs("cart", random.Random(3)))}

    moved = [abs(before.get(name, 0.0) - after.get(name, 0.0)) for name in before.keys() | after.keys()]
    assert max(moved) < 1.0


def test_the_order_of_episodes_changes_no_number() -> None:
    """The same episodes in another order give the very same raises."""
    episodes, now = lived(20), signs("stock", random.Random(8))

    assert learned(episodes).raises(now) == learned(episodes[::-1]).raises(now)


@pytest.mark.parametrize("verdict", [Verdict.REJECTED, Verdict.UNRESOLVED, Verdict.NO_FAULT])
def test_only_confirmed_causes_teach(verdict: Verdict) -> None:
    """Episodes that nobody confirmed raise nobody."""
    assert not learned(replace(each, verdict=verdict) for each in lived(10)).episodes


def test_forgetting_restores_the_raises_exactly(tmp_path: Path) -> None:
    """After an episode came and was forgotten, every raise and recollection is what it was, to the last digit."""
    store, now = EpisodeStore(tmp_path), signs("cart", random.Random(4))
    for each in lived(12):
        store.remember(each)
    alert = Alert("now", "ShopSlow", Window(START, START), labels={"alertname": "ShopSlow"})
    before = store.raises(now), store.recall(alert, (), now)

    store.remember(an_episode(50, "cart", blamed="mail"))
    between = store.raises(now)
    store.forget("case-50")

    assert (store.raises(now), store.recall(alert, (), now)) == before
    assert between != before[0]


def test_a_quarter_of_poisoned_episodes_turns_no_first_suspect() -> None:
    """With 50 of 200 episodes blaming somebody at random, of 50 incidents at most one has another most raised."""
    chance = random.Random(17)  # a poisoner with a fixed seed
    clean = lived(200)
    poisoned = [*clean[:150], *(an_episode(n, SHOP[n % 4], blamed=chance.choice(SHOP)) for n in range(150, 200))]
    sane, sick = learned(clean), learned(poisoned)
    nows = [signs(SHOP[number % 6], random.Random(1000 + number)) for number in range(50)]

    flips = sum(first(sane.raises(now)) != first(sick.raises(now)) for now in nows)

    assert flips <= 1


def test_the_latest_incidents_are_learned_from() -> None:
    """Of more incidents than are learned from, the oldest are left out."""
    old = [replace(each, symptoms=each.symptoms[-2:], believed=()) for each in lived(LATEST + 3)]

    assert learned(old).episodes == LATEST
