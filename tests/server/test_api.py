"""The JSON API: what it answers is what its description says, behind the login, and as Prometheus reads metrics.

Run as a program it writes the description's schemas anew from the dataclasses.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter
from tornado.web import Application

from memory.drafts import DraftShelf
from memory.threads import Draft, Statement
from ontology.errors import Unavailable
from ontology.nouns import Alert
from workbench import assembly
from workbench.desk import backend as desks
from workbench.desk.status import Status, Usage
from workbench.journal import Caps, outcomes
from workbench.nouns import Confidence, Finding
from workbench.server import api
from workbench.settings import Settings

HOSTILE = 'Slow <img src=x onerror="alert(1)">\u202e'
FILE = Path(api.__file__).with_name("openapi.json")


def schemas() -> dict[str, Any]:
    """Return the schemas of what the API answers, made from the dataclasses."""
    found: dict[str, Any] = {}
    for kind in (Status, Usage):
        whole = TypeAdapter(kind).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        found |= whole.pop("$defs")
        found[kind.__name__] = whole
    return dict(sorted(found.items()))


@pytest.fixture
def lived_in(tmp_path: Path) -> Settings:
    """A data folder with three alerts, one of them found, one kept quiet, and a draft; some money spent."""
    settings = Settings(home=tmp_path / "home", thresholds={"team=payments": 0.9}, budget_monthly_dollars=100)
    journal = assembly.journal(settings)
    name = min(assembly.recordings())
    alert = assembly.recorded_alert(name)
    titles = (alert.title, HOSTILE, "Quiet")
    alerts = [
        replace(alert, id=f"slow-{n:x}-20260101t030000z", title=title, labels={**alert.labels, "team": "payments"})
        for n, title in enumerate(titles)
    ]
    journal.receive(alerts, name)
    for each, sure, shown in ((alerts[0], 0.93, True), (alerts[2], 0.4, False)):
        found = Finding("h-1", "payment became slow", Confidence(sure, ("said",)), shown)
        outcomes.keep(journal.database, _case(each, found), journal.now())
    held = journal.reserve(f"case-{alerts[0].id}", 0.5, caps=Caps(1.0, 20.0))
    journal.settle(held, 0.25, 1200)
    draft = Draft((Statement("problem", "checkout is slow", "Ada", "m1"),), "rules")
    DraftShelf(settings.home / "drafts").keep("thread-7", draft)
    return settings


def _case(alert: Alert, finding: Finding) -> Any:
    from workbench.engine.loop import opened

    return replace(opened(alert), findings=(finding,))


def test_the_description_is_made_from_the_dataclasses() -> None:
    """A field that is added is described; write the description anew with: python tests/server/test_api.py."""
    assert api.described()["components"]["schemas"] == schemas()


def test_every_address_is_described_and_every_description_has_an_address(jp_serverapp: Any, backend: Any) -> None:
    """What the server answers below `workbench/` is what the description lists."""
    app: Application = jp_serverapp.web_app
    served = {
        rule.matcher.regex.pattern.removeprefix("/").partition("workbench/")[2].rstrip("$").replace("\\", "")
        for rules in app.wildcard_router.rules + app.default_router.rules
        for rule in getattr(rules.target, "rules", [])
        if "workbench/" in rule.matcher.regex.pattern
    }
    named = {
        path.removeprefix("/workbench/")
        .replace("{alert}", "(.*)")
        .replace("{sender}", "([a-z]+)")
        .replace("{verb}", "([a-z]+)")
        for path in api.described()["paths"]
    }
    assert served == named


def test_what_stands_is_what_the_description_says(lived_in: Settings) -> None:
    """Incidents with state, confidence and spend; a quiet finding and a draft to review; the purse of the day."""
    known = desks(lived_in).status()

    jsonschema.validate(known, {**api.described(), "$ref": "#/components/schemas/Status"})
    first, hostile, quiet = known["incidents"]
    by_title = {each["title"]: each for each in (first, hostile, quiet)}
    assert by_title["Quiet"]["confidence"] is None  # kept quiet here too
    assert any(each["confidence"] == 0.93 and each["dollars"] == 0.25 for each in known["incidents"])
    assert all("\u202e" not in each["title"] for each in known["incidents"])
    assert [each["kind"] for each in known["review"]] == ["quiet finding", "draft episode"]
    assert [(each["name"], each["used"], each["cap"]) for each in known["purses"]] == [
        ("today", 0.25, 20.0),
        ("this month", 0.25, 100.0),
    ]


def test_usage_adds_up_by_day_route_and_kind(lived_in: Settings) -> None:
    """The same money in each grouping, against what is committed for the month."""
    known = desks(lived_in).usage(7)

    jsonschema.validate(known, {**api.described(), "$ref": "#/components/schemas/Usage"})
    assert (known["dollars"], known["tokens"], known["committed"], known["month"]) == (0.25, 1200, 100.0, 0.25)
    assert [each["group"] for each in known["by_route"]] == ["team=payments"]
    assert [each["group"] for each in known["by_kind"]] == ["investigation"]
    assert sum(each["dollars"] for each in known["by_day"]) == 0.25


def test_a_closed_case_and_one_that_ended_long_ago_are_no_open_incidents(lived_in: Settings) -> None:
    """A verdict takes an incident off the list, and so does an end of its alert an hour ago; one just over stays."""
    journal = assembly.journal(lived_in)
    ids = [each["id"] for each in desks(lived_in).status()["incidents"]]
    alerts = [journal.alert(each).alert for each in ids]
    now = datetime.now(UTC)

    journal.queue.closed(ids[0])
    journal.receive(alerts[1:], resolved={ids[1]: now - timedelta(hours=2), ids[2]: now - timedelta(minutes=5)})

    (left,) = desks(lived_in).status()["incidents"]
    assert left["id"] == ids[2]
    assert left["resolved"] is not None


@pytest.mark.parametrize("path", ["api/status", "api/usage", "api/openapi.json", "metrics"])
async def test_nobody_reads_without_a_login(path: str, jp_base_url: str, http_server_client: Any, backend: Any) -> None:
    """All of it is behind Jupyter's login."""
    answer = await http_server_client.fetch(f"{jp_base_url}workbench/{path}", raise_error=False, follow_redirects=False)

    assert answer.code in (302, 403)


async def test_metrics_are_read_as_prometheus_reads_them(jp_fetch: Any, backend: Any, lived_in: Settings) -> None:
    """Alerts by state, open incidents, what waits, money; a parser of Prometheus' text format takes it."""
    backend.stands = desks(lived_in).status()

    answer = await jp_fetch("workbench", "metrics")

    families = {each.name: each for each in text_string_to_metric_families(answer.body.decode())}
    (spent,) = (each.value for each in families["workbench_spent_dollars"].samples if each.labels["period"] == "today")
    assert spent == 0.25
    assert {each.labels["state"]: each.value for each in families["workbench_incidents_open"].samples} == {"waiting": 3}
    assert {each.labels["kind"] for each in families["workbench_review_waiting"].samples} == {
        *("quiet finding", "draft episode"),
    }


@pytest.mark.parametrize(("days", "code"), [("7", 200), ("0", 400), ("-1", 400), ("x", 400), ("99999999999", 400)])
async def test_days_are_a_number_in_bounds(days: str, code: int, jp_fetch: Any, backend: Any) -> None:
    """Anything else is refused."""
    from tornado.httpclient import HTTPClientError

    try:
        answered = (await jp_fetch("workbench", "api", "usage", params={"days": days})).code
    except HTTPClientError as error:
        answered = error.code

    assert answered == code


async def test_a_journal_that_does_not_answer_is_503(jp_fetch: Any, backend: Any) -> None:
    """The status says so, with the next step, and no trace of the inside."""
    from tornado.httpclient import HTTPClientError

    backend.refusal = Unavailable("The journal is busy.", next_step="Wait.")
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("workbench", "api", "status")

    assert refused.value.code == 503
    assert "The journal is busy." in refused.value.response.body.decode()


if __name__ == "__main__":
    whole = json.loads(FILE.read_text())
    whole["components"]["schemas"] = schemas()
    FILE.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    sys.stdout.write(f"{FILE} is written.\n")
