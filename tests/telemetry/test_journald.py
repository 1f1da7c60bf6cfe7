"""The journal: whose lines they are, what is asked of journalctl, and what is no silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from ontology import iris
from ontology.errors import BadInput
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.telemetry.journald import Journald
from workbench.telemetry.log_files import LogFiles
from workbench.testing.vendors import Journalctl

PAYMENT = Entity(iris.service("payment", "shop"), "Service", "payment")
EXPORT = (
    {"MESSAGE": "timeout calling bank", "PRIORITY": "3", "_SYSTEMD_UNIT": "payment.service", "_PID": "7"},
    {"MESSAGE": [255, 111, 107], "PRIORITY": "6", "_SYSTEMD_UNIT": "cart.service", "_TRANSPORT": "stdout"},
    {"MESSAGE": "first line\nsecond line", "PRIORITY": "4", "SYSLOG_IDENTIFIER": "mail"},
)


def test_a_unit_of_another_name_is_its_entity(case_tables: dict[str, pd.DataFrame], fault_window: Window) -> None:
    """The setting says which entity a unit is; its level and its words come along; the query can be typed."""
    question = Question(Modality.LOGS, fault_window, (PAYMENT,), what="bank")
    with Journalctl(case_tables["logs"].assign(entity="pay")) as program:
        reply = Journald({"pay.service": "payment"}, binary=program.url, seconds=60).ask(question).reply

    assert isinstance(reply, Answered), reply
    assert set(reply.table["entity"]) == {"payment"}
    assert set(reply.table["severity"]) == {"error"}
    assert "--unit=pay.service" in reply.query
    assert "--since=@" in reply.query


def test_a_unit_of_nobody_who_was_asked_about_is_not_read(case_tables, fault_window: Window) -> None:
    """Where no unit is that entity nothing is run: Silent, and it says so."""
    with Journalctl(case_tables["logs"]) as program:
        source = Journald({"cart.service": "cart"}, binary=f"{program.url}-none")
        reply = source.ask(Question(Modality.LOGS, fault_window, (PAYMENT,))).reply

    assert isinstance(reply, Silent)
    assert "no unit of these entities" in reply.searched


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("#!/bin/sh\necho 'No permission' >&2; exit 1", "No permission"),
        ("#!/bin/sh\nexec sleep 60", "too long"),
        ("#!/bin/sh\necho 'no JSON at all'", "something else"),
        ("#!/bin/sh\necho 'Hint: you are not in the group' >&2", "Hint"),
    ],
)
def test_what_goes_wrong_is_failure(script: str, reason: str, tmp_path: Path, fault_window: Window) -> None:
    """A refusal, a program that hangs, foreign words and a hint instead of lines are Failed with the reason."""
    path = tmp_path / "journalctl"
    path.write_text(script)
    path.chmod(0o700)
    source = Journald({"*": ""}, binary=str(path), seconds=0.5 if "sleep" in script else 60)
    reply = source.ask(Question(Modality.LOGS, fault_window)).reply

    assert isinstance(reply, Failed), reply
    assert reason in reply.reason
    assert reply.remedy


@pytest.mark.parametrize("unit", ["--file=/etc/shadow", "-u", "a b", "", "x;id"])
def test_a_unit_that_is_an_option_is_refused(unit: str) -> None:
    """What would be another argument of the program is bad input at once."""
    with pytest.raises(BadInput):
        Journald({unit: ""})


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="no journalctl")
def test_the_real_program_understands_what_is_asked(fault_window: Window) -> None:
    """The real journalctl takes our arguments: it has lines, has none of that time, or there is no journal here."""
    reply = Journald({"*": ""}, seconds=60).ask(Question(Modality.LOGS, fault_window)).reply

    assert not isinstance(reply, Failed) or "no journal" in reply.reason, reply


def test_an_export_is_read_as_a_file(tmp_path: Path) -> None:
    """Of an export, units are entities and priorities levels; bytes that are no text and line breaks are kept."""
    window = Window.of("2026-01-31T02:50:00Z", "2026-01-31T02:55:00Z")
    lines = [{**each, "__REALTIME_TIMESTAMP": str(1769827862500000 + n)} for n, each in enumerate(EXPORT)]
    (tmp_path / "journal.json").write_text("\n".join(map(json.dumps, lines)) + "\n")
    reply = LogFiles({str(tmp_path / "journal.json"): ""}).ask(Question(Modality.LOGS, window)).reply

    assert isinstance(reply, Answered), reply
    assert list(reply.table["entity"]) == ["payment", "cart", "mail"]
    assert list(reply.table["severity"]) == ["error", "info", "warn"]
    assert list(reply.table["message"]) == ["timeout calling bank", "\ufffdok", "first line\nsecond line"]
