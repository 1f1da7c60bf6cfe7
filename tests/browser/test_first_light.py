"""Incidents in JupyterLab, as an engineer sees them: link, notebook, steps, conclusion, saved."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from memory.episodes import EpisodeStore

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "screens"


def shoot(page: Page, name: str) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")


MADE = (
    "() => {const n = performance.getEntriesByType('navigation')[0]; return (n.redirectEnd - n.redirectStart) / 1000}"
)
"""Seconds that the request took which makes the notebook: it redirects to the lab."""


def follow(page: Page, lab: Any, alert: str) -> float:
    """Follow the alert link and press Create; return the seconds until a hypothesis is on the screen."""
    page.goto(f"{lab.address}/workbench/open/{alert}")
    began = time.monotonic()
    page.get_by_role("button", name=re.compile("create", re.IGNORECASE)).click()
    page.locator(".wb-first").first.wait_for()
    return time.monotonic() - began


def button(page: Page, label: str) -> Locator:
    return page.locator("button.jupyter-button", has_text=re.compile(f"^{label}$"))


def press(page: Page, label: str) -> float:
    """Press a button of the desk; return the seconds until its status line answers."""
    status = page.locator(".wb[role=status]")
    before = status.inner_text()
    began = time.monotonic()
    button(page, label).click()
    expect(status).not_to_have_text(before)
    return time.monotonic() - began


def in_file(path: Path, words: str, patience: float = 30.0) -> str:
    """Return the notebook's text once it is whole and holds the words: case.save() has the lab save it, in its time."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        text = path.read_text()
        if words in text and text.rstrip().endswith("}"):
            return text
        time.sleep(0.1)  # the lab tells nobody outside the browser when its file is written
    raise AssertionError(f"{path.name} was not saved with {words!r}")


def cell(page: Page, source: str) -> Locator:
    return page.locator(".jp-CodeCell", has=page.locator(".cm-content", has_text=source)).last


def test_an_alert_link_leads_to_a_saved_episode(
    desk: BrowserContext, lab: Any, foreign: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """From the link over three buttons to an episode on disk, with nothing asked of a foreign address."""
    page = desk.new_page()
    alert = lab.alerts[sorted(lab.alerts)[0]]

    shown = follow(page, lab, alert)
    made = page.evaluate(MADE)
    hypothesis = page.locator(".wb-first", has_text="Most likely")
    expect(hypothesis).to_be_visible()
    lowest = page.locator(".wb-first .top").last.bounding_box()
    kernel = page.locator(".jp-Notebook-ExecutionIndicator").get_attribute("data-status")
    shoot(page, "first-screen-saved")
    button(page, "Step").wait_for()
    live = press(page, "Step")
    page.get_by_text(re.compile(r"^Step 2:")).first.wait_for()
    press(page, "Run on")
    page.get_by_text("Concluded.").first.wait_for()
    shoot(page, "concluded")
    save = cell(page, "case.save()")
    save.scroll_into_view_if_needed()
    save.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.locator(".wb-saved").wait_for()
    shoot(page, "saved")
    saved = in_file(lab.home / "notebooks" / f"{alert}.ipynb", "Saved as")

    with capsys.disabled():
        print(f"\nlink to first hypothesis {shown:.1f} s, of which making the notebook {made:.1f} s (kernel {kernel})")
        print(f"click to feedback {live * 1000:.0f} ms")
    assert lowest is not None and lowest["y"] + lowest["height"] < 900, "the answer stands without scrolling"
    (episode,) = [each for each in EpisodeStore(lab.home / "episodes").episodes() if each.alert.id == alert]
    assert episode.cause is not None
    assert "widgets" not in json.loads(saved)["metadata"]
    assert len(saved.encode()) < 1_000_000
    assert not foreign


def test_a_closed_notebook_reopens_whole_in_the_dark(desk: BrowserContext, lab: Any, darken: Any) -> None:
    """Reopened in the dark theme, the first screen and the views stand from the file, before a kernel is idle."""
    page = desk.new_page()
    alert = lab.alerts[sorted(lab.alerts)[1]]
    follow(page, lab, alert)
    button(page, "Step").wait_for()
    page.keyboard.press("Control+S")

    darken(page)
    page.goto(f"{lab.address}/workbench/open/{alert}")
    page.locator(".wb-first").first.wait_for()
    page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
    shoot(page, "first-screen-dark")

    assert page.locator(".wb-first", has_text="Most likely").count() + page.locator(".wb-first", has_text="Not").count()
    for view in ("wb-graph", "wb-metrics", "wb-board", "wb-coverage"):
        shown = page.locator(f".{view}").first
        shown.scroll_into_view_if_needed()
        shoot(page, f"{view}-dark")
        assert shown.is_visible()
    wide = page.evaluate(
        "() => {const o = document.querySelector('.jp-WindowedPanel-outer'); return o.scrollWidth > o.clientWidth}"
    )
    assert not wide
