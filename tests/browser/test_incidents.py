"""The panel in JupyterLab: open incidents, what waits, scans and money; from a card, the palette and the status bar."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from memory.drafts import DraftShelf
from memory.threads import Draft, Statement
from ontology.nouns import Alert, Window
from workbench import assembly
from workbench.engine.loop import opened
from workbench.journal import Caps, outcomes
from workbench.nouns import Confidence, Finding
from workbench.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "screens"
HOSTILE = '<img src="http://198.51.100.7/x.png" onerror="document.title=1"><b>bold</b>'
LONG = "KubernetesPersistentVolumeFillingUpVeryFastInTheRecommendationsNamespaceOfTheSecondCluster"


def shoot(page: Page, name: str) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")


def alert(n: int, title: str, severity: str = "critical") -> Alert:
    fired = datetime.now(UTC) - timedelta(minutes=4 + 7 * n)
    labels = {"alertname": title, "service": "checkout"}
    return Alert(
        *(f"panel-{n:x}-20260101t030000z", title, Window(fired - timedelta(minutes=5), fired)),
        severity=severity,
        labels=labels,
    )


def test_the_panel_shows_how_things_stand(desk: BrowserContext, lab: Any, foreign: list[str], darken: Any) -> None:
    """Empty, then three incidents of which one has a finding, then forty; hostile names are text, a link opens one."""
    journal = assembly.journal(Settings(home=lab.home))
    page = desk.new_page()
    page.goto(f"{lab.address}/lab")
    page.locator(".jp-LauncherCard", has_text="Incidents").click(timeout=30_000)
    panel = page.locator("#workbench-incidents")
    expect(panel).to_contain_text("No incident is open")
    shoot(page, "panel-empty-light")

    few = [alert(0, "CheckoutSlow"), alert(1, HOSTILE, "warning"), alert(2, LONG, "info")]
    journal.receive(few, sorted(lab.alerts)[0])
    sure = Finding("h-1", "payment waits for its database: its pool is used up", Confidence(0.91, ("said",)), True)
    outcomes.keep(journal.database, replace(opened(few[0]), findings=(sure,)), journal.now())
    journal.settle(journal.reserve(opened(few[0]).id, 0.2, caps=Caps(1.0, 20.0)), 0.12, 4000)
    quiet = replace(sure, hypothesis="h-2", confidence=Confidence(0.4, ("said",)), surfaced=False)
    outcomes.keep(journal.database, replace(opened(few[2]), findings=(quiet,)), journal.now())
    DraftShelf(lab.home / "drafts").keep("thread-7", Draft((Statement("problem", "slow", "Ada", "m1"),), "rules"))
    panel.get_by_role("button", name="Refresh").click()

    first = panel.locator(".wbi-incident").first
    expect(first).to_contain_text("CheckoutSlow")
    expect(first).to_contain_text(re.compile(r"waiting · 4 min · \$0\.12"))
    expect(first).to_contain_text("0.91payment waits for its database")
    expect(panel.locator(".wbi-incident").nth(1).get_by_role("link")).to_have_text(HOSTILE)
    expect(panel.get_by_role("region", name="2 to review")).to_contain_text("workbench episodes accept thread-7")
    expect(panel).to_contain_text("today: $0.12 of $20.00")
    expect(page.locator(".wbi-status")).to_have_text("3 open · 2 to review · $0.12 today")
    assert panel.evaluate("each => each.scrollWidth <= each.clientWidth")
    shoot(page, "panel-light")
    darken(page)
    page.reload()
    page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
    page.locator(".wbi-status").click()
    expect(first).to_be_visible()
    shoot(page, "panel-dark")

    journal.receive([alert(n, f"{LONG}{n}" if n % 3 else f"Slow{n}", "warning") for n in range(3, 43)], "nowhere")
    panel.get_by_role("button", name="Refresh").click()
    expect(panel.get_by_role("button", name="Show 23 more")).to_be_visible()
    shoot(page, "panel-full-dark")
    panel.get_by_role("button", name="Show 23 more").click()
    expect(panel.locator(".wbi-incident")).to_have_count(43)
    with desk.expect_page() as opening:
        first.get_by_role("link").click()
    expect(opening.value.get_by_role("button", name=re.compile("create", re.IGNORECASE))).to_be_visible()
    assert not foreign
    assert page.title() != "1"


def test_a_workbench_that_does_not_answer_is_said(desk: BrowserContext, lab: Any) -> None:
    """What was known stays, the panel says why there is nothing newer, and the status bar too."""
    page = desk.new_page()
    page.goto(f"{lab.address}/lab")
    page.locator(".jp-LauncherCard", has_text="Incidents").click(timeout=30_000)
    panel = page.locator("#workbench-incidents")
    expect(panel).to_contain_text("open")
    page.route("**/workbench/api/status*", lambda route: route.fulfill(status=503, body="no"))
    panel.get_by_role("button", name="Refresh").click()

    expect(panel.get_by_role("alert")).to_contain_text("Nothing newer is known: the server answered 503.")
    expect(panel.locator(".wbi-incident").first).to_be_visible()
    expect(page.locator(".wbi-status")).to_have_text("workbench: no answer")
    shoot(page, "panel-error")
