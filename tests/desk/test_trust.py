"""Trust levels: what each permits, who may raise one, and what stands behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from memory.protocol import Verdict
from ontology.nouns import Entity, Iri
from ontology.terms import Kind
from workbench import assembly
from workbench.cli.trust import trust as verb
from workbench.desk.door import keep_recorded, take_up
from workbench.desk.trust import level_of, standing
from workbench.journal import trust
from workbench.nouns import Level
from workbench.render.board import hypotheses_json
from workbench.settings import Settings

RECORDED = "shop-25c7c1"


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings over an empty data folder, which the command line finds too."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    return Settings(home=tmp_path)


def test_a_service_at_narrow_is_ranked_and_no_cause_of_it_is_named(chosen: Settings) -> None:
    """The same suspect leads as at diagnose, and neither finding, board nor first screen holds a claim or a mode."""
    alert = keep_recorded(RECORDED, chosen)
    plain = take_up(alert.id, chosen)
    plain.run()
    top = plain.case.top
    assert top is not None
    narrow = chosen.model_copy(update={"trust": {"Service": "narrow"}})
    desk = take_up(alert.id, narrow, again=True)
    desk.run()
    assert desk.case.top is not None
    assert desk.case.top.suspect.name == top.suspect.name
    words = f"{desk.case.findings} {hypotheses_json(desk.case)['hypotheses']} {desk.screen().text} {desk.case.note}"
    said = {each.claim for each in plain.case.hypotheses} | {each.failure_mode for each in plain.case.hypotheses}
    assert [each for each in said if each in words] == []
    assert {each.claim for each in desk.case.hypotheses} == {
        f"{each.suspect.name} is a suspect" for each in desk.case.hypotheses
    }


def test_a_level_is_raised_by_a_person_who_saw_the_record_and_lowered_at_any_time(chosen: Settings) -> None:
    """Without a name or a yes nothing rises; each change is a row more, with who and when."""
    run = CliRunner().invoke
    nobody = run(verb, ["payment", "propose"], input="y\n")
    unsaid = run(verb, ["payment", "propose", "--by", "Ada"], input="n\n")
    assert nobody.exception is not None
    assert unsaid.exit_code == 1
    database = assembly.journal(chosen).database
    assert trust.said(database) == ()
    raised = run(verb, ["payment", "propose", "--by", "Ada"], input="y\n")
    lowered = run(verb, ["payment", "narrow", "--by", "Femi"])
    assert "nothing was graded here yet" in raised.output
    assert lowered.exit_code == 0
    assert [(each.level, each.who) for each in trust.said(database)] == [("propose", "Ada"), ("narrow", "Femi")]
    assert "Femi" in run(verb, []).output


def test_the_record_of_a_service_counts_what_people_decided_of_it(chosen: Settings) -> None:
    """A confirmed and a rejected episode of the same suspect are two graded, one right."""
    alert = keep_recorded(RECORDED, chosen)
    desk = take_up(alert.id, chosen)
    desk.run()
    top = desk.case.top
    assert top is not None
    desk.confirm()
    desk.save()
    memory = assembly.memory(chosen)
    first = memory.episodes()[0]
    memory.remember(replace(first, id="another", cause=None, verdict=Verdict.REJECTED))
    record = standing(top.suspect.name, chosen).record
    low, high = record.interval
    assert (record.graded, record.right, record.mean) == (2, 1, 0.5)
    assert low < record.mean < high


def test_a_low_risk_kind_may_stand_higher_in_the_settings_and_a_person_wins(chosen: Settings) -> None:
    """The level of a kind holds for what nobody said anything of; what a person said of one counts before it."""
    kinds = chosen.model_copy(update={"trust": {"Pipeline": "propose"}})
    journal = assembly.journal(chosen)
    nightly = Entity(Iri("https://example.org/nightly"), Kind.PIPELINE, "nightly")
    assert level_of(nightly, chosen, journal) is Level.DIAGNOSE
    assert level_of(nightly, kinds, journal) is Level.PROPOSE
    trust.say(journal.database, "nightly", Level.NARROW, "Ada", journal.now())
    assert level_of(nightly, kinds, journal) is Level.NARROW
