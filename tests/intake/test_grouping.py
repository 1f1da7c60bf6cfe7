"""Alerts that belong together share a case; those that do not, do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from workbench.intake.grouping import attached

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Sight:
    """What is compared of an alert."""

    alert_id: str
    series: str = ""
    fired: datetime = START
    own: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    firings: int = 1


def _on(name: str, *near: str, alert_id: str = "", after: float = 0.0) -> Sight:
    """Return an alert on a thing, its neighbours, and when it fired."""
    made = alert_id or f"slow-{name}"
    return Sight(made, made, START + timedelta(seconds=after), frozenset({name}), frozenset({name, *near}))


def test_an_alert_on_a_neighbour_goes_with_the_open_case() -> None:
    """Within five minutes on a thing one step away it is attached, with the reason; later it is one of its own."""
    head = _on("checkout", "payment")

    found = attached(_on("payment", "bank", after=40), [head])

    assert found is not None
    assert (found.to, found.because) == (head.alert_id, "beside it in the graph, 40 s apart")
    assert attached(_on("payment", after=301), [head]) is None


def test_an_alert_elsewhere_is_one_of_its_own() -> None:
    """At the same moment on a thing that is two steps away, nothing is attached, alike as the labels may be."""
    labels = frozenset({"namespace=shop", "team=a"})
    head = replace(_on("checkout", "payment"), labels=labels)

    assert attached(replace(_on("bank", "vault"), labels=labels), [head]) is None


def test_an_alert_that_fires_again_goes_on_with_its_case() -> None:
    """Within the hour it is the same case, and said to flap from the third firing; after it, a new one."""
    head = Sight("slow-1-a", "slow-1")

    def again(minutes: float, firings: int) -> str:
        new = Sight("slow-1-b", "slow-1", START + timedelta(minutes=minutes), firings=firings)
        found = attached(new, [head])
        return found.because if found else "new"

    assert again(30, 2) == "fired again"
    assert again(59, 4) == "flaps: it fired 4 times in an hour"
    assert again(61, 2) == "new"


def test_where_the_graph_knows_nothing_the_labels_decide() -> None:
    """Three labels of four in common are alike, one is not, and none at all are not alike either."""
    head = Sight("a", "a", labels=frozenset({"namespace=shop", "cluster=1", "job=web"}))

    assert attached(Sight("b", "b", labels=head.labels | {"pod=x"}), [head]) is not None
    assert attached(Sight("c", "c", labels=frozenset({"cluster=1", "job=db", "pod=y"})), [head]) is None
    assert attached(Sight("d", "d"), [Sight("e", "e")]) is None


def test_the_latest_open_case_is_taken() -> None:
    """Of two cases that fit, the alert goes to the one that fired last; never to itself."""
    heads = [_on("checkout", alert_id="old"), _on("checkout", alert_id="new", after=60)]

    found = attached(_on("checkout", alert_id="third", after=90), heads)

    assert found is not None
    assert found.to == "new"
    assert attached(heads[0], heads[:1]) is None
