"""Feature flags: what changed from what to what, whom it is about, and what a server that keeps no history tells."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.telemetry.changes_flags import FlagHistory, ServedFlags
from workbench.testing.vendors import Page, VendorServer
from workbench.testing.vendors_changes import FlagFile

START = datetime(2026, 1, 31, 2, 40, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(minutes=15))
CART = Entity(iris.service("cart", "shop"), "Service", "cart")
MAIL = Entity(iris.service("mail", "shop"), "Service", "mail")
FLAG = {"state": "ENABLED", "variants": {"on": 100, "off": 0}, "defaultVariant": "off"}


def about(*entities: Entity) -> Question:
    return Question(Modality.CHANGES, WINDOW, entities)


def at(minutes: float) -> pd.Timestamp:
    return pd.Timestamp(START + timedelta(minutes=minutes))


@pytest.fixture
def checkout() -> Iterator[FlagFile]:
    """A repository with one flag of payment, turned a day and then a week before the window, and never within."""
    row = (at(-10_000), "payment", "deploy", "Turn payment", "", "")
    table = pd.DataFrame([row], columns=["time", "entity", "kind", "summary", "ref", "detail"])
    with FlagFile(table) as file:
        yield file


def commit(file: FlagFile, minutes: float, subject: str = "Change", **flags: Any) -> None:
    file.commit({"flags": flags}, subject, at(minutes))


def test_a_flag_is_told_from_what_to_what(checkout: FlagFile) -> None:
    """A turned default, its values, a state, a variant and a rule are told with before and after, and by whom."""
    commit(checkout, -5, cartFailure=FLAG)
    commit(checkout, 3, "Turn it on", cartFailure={**FLAG, "defaultVariant": "on"})
    rule = {"if": [{"==": [{"var": "country"}, "ch"]}, "on"]}
    last = {"state": "DISABLED", "variants": {"on": 50, "off": 0}, "defaultVariant": "on", "targeting": rule}
    commit(checkout, 4, "Half of it", cartFailure=last)

    reply = FlagHistory(checkout.url).ask(about(CART)).reply

    assert isinstance(reply, Answered), reply
    assert list(reply.table["summary"]) == [
        "flag cartFailure: default off -> on: Turn it on (Jo)",
        "flag cartFailure: state ENABLED -> DISABLED, variant on 100 -> 50, targeting changed: Half of it (Jo)",
    ]
    assert reply.table["detail"][0] == "defaultVariant: off = 0\ndefaultVariant: on = 100"
    assert '+targeting: {"if"' in reply.table["detail"][1]
    assert set(reply.table["kind"]) == {"flag"}
    assert all(len(each) == 10 for each in reply.table["ref"])
    assert "git -C" in reply.query


def test_flags_that_come_and_go_are_told(checkout: FlagFile) -> None:
    """A new flag is added, one that is gone is removed, each with its default."""
    commit(checkout, -5, old=FLAG)
    commit(checkout, 3, new=FLAG)

    reply = FlagHistory(checkout.url, "cart").ask(about(CART)).reply

    assert isinstance(reply, Answered)
    assert [each.partition(":")[2].partition(":")[0] for each in reply.table["summary"]] == [
        " added, default off",
        " removed, default off",
    ]


def test_whom_a_flag_is_about(checkout: FlagFile) -> None:
    """By its targeting, else by its name, else everybody who was asked about; the setting wins over all."""
    rule = {"if": [{"==": [{"var": "service"}, "mail"]}, "on"]}
    commit(checkout, -5, a=FLAG, cartSlow=FLAG, c={**FLAG, "targeting": rule})
    on = {"defaultVariant": "on"}
    commit(checkout, 3, a=FLAG | on, cartSlow=FLAG | on, c={**FLAG, "targeting": rule, **on})

    def told(entity: str, *asked: Entity) -> set[tuple[str, str]]:
        reply = FlagHistory(checkout.url, entity).ask(about(*asked)).reply
        assert isinstance(reply, Answered), reply
        return {(row.entity, row.summary.split()[1]) for row in reply.table.itertuples()}

    assert told("", CART, MAIL) == {("cart", "a:"), ("mail", "a:"), ("cart", "cartSlow:"), ("mail", "c:")}
    assert told("") == {("a", "a:"), ("cartSlow", "cartSlow:"), ("mail", "c:")}
    assert told("mail", MAIL) == {("mail", "a:"), ("mail", "cartSlow:"), ("mail", "c:")}


def test_an_edit_that_was_not_committed_is_a_change(checkout: FlagFile) -> None:
    """Flagd reads the file as it lies there: an edit without a commit is told, at the time of the file."""
    commit(checkout, -5, cart=FLAG)
    Path(checkout.url).write_text(json.dumps({"flags": {"cart": {**FLAG, "defaultVariant": "on"}}}))
    os.utime(checkout.url, (at(7).timestamp(),) * 2)

    reply = FlagHistory(checkout.url).ask(about(CART)).reply

    assert isinstance(reply, Answered)
    assert list(reply.table["summary"]) == ["flag cart: default off -> on: not committed"]
    assert list(reply.table["time"]) == [at(7)]


def test_a_window_without_a_change_is_silent(checkout: FlagFile) -> None:
    """Changes before and after the window are none of it."""
    commit(checkout, -5, cart=FLAG)
    commit(checkout, 60, cart={**FLAG, "state": "DISABLED"})

    assert isinstance(FlagHistory(checkout.url).ask(about()).reply, Silent)


def test_yaml_is_read_as_well(checkout: FlagFile) -> None:
    """A YAML file with the same content is a flagd file too; a broken one is Failed."""
    path = Path(checkout.url).with_suffix(".yaml")
    path.write_text("flags:\n  cart: {state: ENABLED, variants: {on: 1}, defaultVariant: on}\n")
    os.utime(path, (at(7).timestamp(),) * 2)
    reply = FlagHistory(path).ask(about(CART)).reply
    path.write_text("flags: [")
    broken = FlagHistory(path).ask(about(CART)).reply

    assert isinstance(reply, Answered), reply
    assert "flag cart: added, default on" in reply.table["summary"][0] or "True" in reply.table["summary"][0]
    assert isinstance(broken, Failed)


def test_a_server_tells_what_changed_since_it_was_first_asked() -> None:
    """The first look has only that something changed and when; the second tells from what to what."""
    now = [at(5)]
    content = {"flags": {"cart": FLAG}}
    headers = {"Last-Modified": f"{at(2):%a, %d %b %Y %H:%M:%S} GMT"}
    with VendorServer(lambda path, _: Page(content, headers) if path == "/f/flags.json" else None) as server:
        source = ServedFlags(f"{server.url}/f/flags.json", now=lambda: now[0].to_pydatetime())
        first = source.ask(about(CART)).reply
        content = {"flags": {"cart": {**FLAG, "defaultVariant": "on"}}}
        headers = {"Last-Modified": f"{at(8):%a, %d %b %Y %H:%M:%S} GMT"}
        second = ServedFlags(f"{server.url}/f/flags.json").ask(about(CART)).reply

    assert isinstance(first, Answered), first
    assert list(first.table["summary"]) == ["flags changed; what they were before is not known"]
    assert "known since 2026-01-31 02:42:00 UTC" in first.digest
    assert isinstance(second, Answered), second
    assert list(second.table["summary"])[-1] == "flag cart: default off -> on"
    assert list(second.table["time"])[-1] == at(8)


def test_a_server_without_a_date_says_that_it_has_no_history() -> None:
    """Without Last-Modified a first look is Silent, and says since when flags are known."""
    with VendorServer(lambda _path, _query: {"flags": {"cart": FLAG}}) as server:
        reply = ServedFlags(f"{server.url}/flags.json").ask(about(CART)).reply

    assert isinstance(reply, Silent)
    assert "keeps no history" in reply.searched
