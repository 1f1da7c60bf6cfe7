"""Parts of the small estate as answers: around, blast radius, path, difference, inventory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from ontology import terms
from ontology.errors import BadInput, NotFound
from ontology.iris import service, thing
from ontology.nouns import Fact, Layer
from ontology.terms import Kind
from workbench.graph import explore
from workbench.graph.answers import of_table
from workbench.graph.inventory import inventory, names
from workbench.graph.moments import moment
from workbench.graph.naming import resolve
from workbench.graph.store import GraphStore
from workbench.nouns import LinkState, Subgraph

NOW = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
CART = service("cart")
Make = Callable[..., Any]


def called(part: Subgraph) -> list[str]:
    return [each.name for each in part.entities]


def test_around_is_what_one_relation_joins(shop: GraphStore) -> None:
    """One step from cart: who calls it, whom it calls, what implements it; the thing itself first."""
    part = explore.around(shop, "cart", now=NOW)
    assert called(part)[0] == "cart"
    assert set(called(part)) == {"cart", "web", "payment", "cart-deployment"}
    assert part.focus == (CART,)
    assert {each.fact.predicate for each in part.links} == {terms.CALLS, terms.IMPLEMENTS}
    assert part.say == "Within 1 step of cart: 2 services and 1 deployment."


def test_around_does_not_walk_through_a_namespace(shop: GraphStore) -> None:
    """Two steps reach the namespace of cart's deployment, three do not reach its other deployments through it."""
    assert "shop" in called(explore.around(shop, "cart", 2, now=NOW))
    assert "search-deployment" not in called(explore.around(shop, "deployment cart-deployment", 2, now=NOW))


def test_what_is_said_of_a_thing_comes_along(shop: GraphStore) -> None:
    """Values are details with their source, not links."""
    part = explore.around(shop, "cart", now=NOW)
    told = {(each.fact.predicate, each.fact.object) for each in part.details}
    assert (terms.REPLICAS, 2) in told
    assert all(each.fact.source == "compose" for each in part.details)


def test_more_things_than_wanted_are_counted(shop: GraphStore) -> None:
    """What is left out is counted, and links to it are left out too."""
    part = explore.around(shop, "cart", now=NOW, most=2)
    assert len(part.entities) == 2
    assert part.hidden == 2
    shown = {each.iri for each in part.entities}
    assert all({each.fact.subject, each.fact.object} <= shown for each in part.links)


@pytest.mark.parametrize("text", ["cart", "CART", "service cart", "service/default:cart", CART])
def test_a_thing_is_meant_in_several_ways(shop: GraphStore, text: str) -> None:
    """By name, name in another case, kind and name, short IRI, whole IRI."""
    assert resolve(shop, text).iri == CART


@pytest.mark.parametrize(("text", "near"), [("paymnet", "payment"), ("pay", "payment"), ("no/such:thing", "List")])
def test_an_unknown_name_comes_with_the_nearest(shop: GraphStore, text: str, near: str) -> None:
    """The next step names what may have been meant."""
    with pytest.raises(NotFound) as caught:
        resolve(shop, text)
    assert near in caught.value.next_step


def test_a_name_of_several_things_is_refused_with_all_of_them(shop: GraphStore, scan: Make, said: Make) -> None:
    """Two services of one name in two environments: both are given, in a form that can be asked for."""
    other = service("cart", "staging")
    facts = [said(other, terms.TYPE, terms.class_iri(Kind.SERVICE)), said(other, terms.LABEL, "cart")]
    shop.replace(scan(facts, scope="staging"))
    with pytest.raises(BadInput) as caught:
        explore.around(shop, "cart", now=NOW)
    assert "service/default:cart" in caught.value.next_step
    assert resolve(shop, "service/staging:cart").iri == other


def test_who_suffers_is_named(shop: GraphStore) -> None:
    """Of a database: the services that need it, directly or not, and no others."""
    part = explore.blast_radius(shop, "orders", now=NOW)
    assert set(called(part)) == {"orders", "ledger", "payment", "cart", "web"}
    assert part.say == "If orders fails, cart, ledger, payment and web suffer."


def test_a_node_takes_the_callers_of_its_services_with_it(shop: GraphStore) -> None:
    """What runs on the node, the service that it implements, and who calls that."""
    assert set(called(explore.blast_radius(shop, "n1", now=NOW))) == {"n1", "cart-deployment", "cart", "web"}


def test_nobody_suffers_is_said(shop: GraphStore) -> None:
    """A thing that nothing needs has an answer too."""
    assert "no service is known to suffer" in explore.blast_radius(shop, "search", now=NOW).say


def test_the_way_follows_what_is_needed(shop: GraphStore) -> None:
    """From web to the database, thing by thing, in words."""
    part = explore.path(shop, "web", "orders", now=NOW)
    assert called(part) == ["web", "cart", "payment", "ledger", "orders"]
    assert part.say == (
        "web needs orders: web calls cart, cart calls payment, payment calls ledger, ledger uses datastore orders."
    )
    assert len(part.links) == 4


def test_the_way_back_is_told_as_such(shop: GraphStore) -> None:
    """Asked the other way round, the sentence says who needs whom."""
    say = explore.path(shop, "orders", "ledger", now=NOW).say
    assert say.startswith("orders does not need ledger, but ledger needs orders")


def test_two_that_only_meet(shop: GraphStore, scan: Make, said: Make) -> None:
    """Two that call the same service hang together by it, though neither needs the other."""
    audit = service("audit")
    facts = [said(audit, terms.TYPE, terms.class_iri(Kind.SERVICE)), said(audit, terms.LABEL, "audit")]
    shop.replace(scan([*facts, said(audit, terms.CALLS, service("payment"))], scope="audit"))
    assert explore.path(shop, "audit", "cart", now=NOW).say == (
        "Neither of audit and cart needs the other; they meet: audit calls payment, cart calls payment."
    )


def test_two_that_nothing_joins(shop: GraphStore, scan: Make, said: Make) -> None:
    """The sentence says that nothing joins them, and both are shown."""
    alone = thing("host", "alone")
    shop.replace(
        scan([said(alone, terms.TYPE, terms.class_iri(Kind.HOST)), said(alone, terms.LABEL, "alone")], scope="x")
    )
    part = explore.path(shop, "alone", "web", now=NOW)
    assert part.say == "Nothing that was scanned joins alone and web."
    assert called(part) == ["alone", "web"]


def test_code_and_database_hang_together_by_their_variable(shop: GraphStore, scan: Make, said: Make) -> None:
    """Where no symptom travels, any relation will do: function, variable, database."""
    function, variable = thing("code", "shop", "connect"), thing("env", "shop", "ORDERS_URL")
    facts = [
        said(function, terms.TYPE, terms.class_iri(Kind.FUNCTION)),
        said(function, terms.LABEL, "connect"),
        said(variable, terms.TYPE, terms.class_iri(Kind.ENV_VAR)),
        said(variable, terms.LABEL, "ORDERS_URL"),
        said(function, terms.READS_ENV, variable),
        said(variable, terms.REFERENCES, thing("database", "shop", "orders")),
    ]
    shop.replace(scan(facts, scope="code"))
    part = explore.path(shop, "connect", "orders", now=NOW)
    assert part.say == "connect and orders hang together: connect reads env ORDERS_URL, ORDERS_URL references orders."


def test_an_old_look_is_less_sure(shop: GraphStore, scan: Make, said: Make) -> None:
    """Calls that traces saw two hours ago are unconfirmed and faded; the surer of two sources counts."""
    ago = NOW - timedelta(hours=2)
    calls = [
        said(service("cart"), terms.CALLS, service(each), layer=Layer.RUNNING, source="traces")
        for each in ("search", "payment")
    ]
    shop.replace(scan(calls, source="traces", layer=Layer.RUNNING, started=ago, finished=ago))
    links = {each.fact.object: each for each in explore.around(shop, "cart", now=NOW).links}
    assert links[service("search")].state is LinkState.UNCONFIRMED
    assert links[service("search")].confidence < 0.01
    assert links[service("payment")].state is LinkState.CONFIRMED
    assert links[service("payment")].fact.source == "compose"


def test_a_look_that_was_not_whole_is_less_sure(estate: Sequence[Fact], scan: Make) -> None:
    """A scan that could not read all of its scope leaves its facts unconfirmed."""
    store = GraphStore.memory()
    store.replace(scan(estate, complete=False))
    assert {each.state for each in explore.around(store, "cart", now=NOW).links} == {LinkState.UNCONFIRMED}


@pytest.fixture
def changed(shop: GraphStore, estate: Sequence[Fact], scan: Make, said: Make) -> GraphStore:
    """Keep the estate after ten minutes: cart lost its deployment and calls search."""
    gone = thing("deployment", "shop", "cart")
    kept = [each for each in estate if gone not in (each.subject, each.object)]
    later = NOW + timedelta(minutes=10)
    shop.replace(scan([*kept, said(CART, terms.CALLS, service("search"))], started=later, finished=later))
    return shop


def test_a_difference_has_both_sides(changed: GraphStore) -> None:
    """What appeared and what vanished between two times, the thing that is gone by its own name and kind."""
    part = explore.diff(changed, NOW + timedelta(minutes=1), NOW + timedelta(minutes=20))
    states = {(each.fact.predicate, each.state) for each in part.links}
    assert (terms.CALLS, LinkState.APPEARED) in states
    assert (terms.IMPLEMENTS, LinkState.VANISHED) in states
    assert ("cart-deployment", Kind.DEPLOYMENT) in [(each.name, each.kind) for each in part.entities]
    assert part.at == NOW + timedelta(minutes=20)


def test_a_difference_near_a_thing_leaves_the_rest_out(changed: GraphStore) -> None:
    """Near cart both are seen, near payment only cart's own new call is not; what is gone can be named."""
    times = (NOW + timedelta(minutes=1), NOW + timedelta(minutes=20))
    near = explore.diff(changed, *times, near="cart")
    assert {each.state for each in near.links} == {LinkState.APPEARED, LinkState.VANISHED}
    assert not explore.diff(changed, *times, near="ledger").links
    gone = explore.diff(changed, *times, near="cart-deployment")
    assert "cart-deployment" in called(gone)
    with pytest.raises(NotFound):
        explore.diff(changed, *times, near="nobody")


def test_no_difference_is_said(shop: GraphStore) -> None:
    """Two times between which nothing happened have an answer."""
    part = explore.diff(shop, NOW + timedelta(minutes=1), NOW + timedelta(minutes=2))
    assert "nothing changed" in part.say
    assert part.entities == ()


def test_a_first_look_is_said_to_be_one(shop: GraphStore) -> None:
    """What appeared because nobody had looked before is told apart from what changed."""
    say = explore.diff(shop, NOW - timedelta(minutes=1), NOW + timedelta(minutes=2)).say
    assert say.endswith("1 scope was looked at for the first time.")


def test_the_inventory_tells_sources_age_and_confidence(shop: GraphStore) -> None:
    """Services by pattern, with who says so; a kind holds the kinds below it; an unknown kind is refused by name."""
    (cart,) = inventory(shop, "service", "ca*", now=NOW + timedelta(hours=1))
    assert (cart.entity.name, cart.sources, cart.age, cart.confidence) == ("cart", ("compose",), timedelta(hours=1), 1)
    assert {each.entity.kind for each in inventory(shop, "Workload", now=NOW)} == {"Deployment"}
    assert [each.entity.name for each in inventory(shop, name="ledg", now=NOW)] == ["ledger", "ledger-deployment"]
    with pytest.raises(BadInput) as caught:
        inventory(shop, "Servise", now=NOW)
    assert "Service" in caught.value.next_step


def test_names_begin_with_what_was_typed(shop: GraphStore) -> None:
    """Letter case aside, in the order of the alphabet, of things alone; quotes in what was typed do no harm."""
    assert names(shop, "CA") == ("cart", "cart-deployment")
    assert "fact/compose/shop" not in names(shop, "")
    assert names(shop, '")) } #') == ()


def test_an_answer_is_drawn_as_its_things(shop: GraphStore) -> None:
    """Cells that are things become entities, joined by the facts that the graph holds."""
    table = pd.DataFrame({"a": [str(CART), None], "b": [str(service("payment")), "payment"], "n": [1, 2]})
    part = of_table(shop, table, now=NOW)
    assert set(called(part)) == {"cart", "payment"}
    assert [each.fact.predicate for each in part.links] == [terms.CALLS]


def test_a_constructed_fact_is_the_query_s_own(shop: GraphStore) -> None:
    """Of CONSTRUCT only its triples are drawn: one that the graph holds with its source, another as the query's."""
    rows = [
        (str(CART), str(terms.CALLS), str(service("payment"))),
        (str(CART), str(terms.DEPENDS_ON), str(service("ledger"))),
    ]
    part = of_table(shop, pd.DataFrame(rows, columns=["subject", "predicate", "object"]), now=NOW)
    assert sorted(each.fact.source for each in part.links) == ["compose", "query"]


@pytest.mark.parametrize("text", ["soon", "15", "alert-x", "", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """The next step shows the forms."""
    with pytest.raises(BadInput):
        moment(text, NOW, NOW)


def test_an_alert_is_needed_to_speak_of_one() -> None:
    """Without a case, `alert` means nothing."""
    with pytest.raises(BadInput, match="no case"):
        moment("alert-15m", NOW)
