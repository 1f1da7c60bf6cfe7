"""A notebook that is opened while a worker is at its case: what is found shows, and what is typed stays."""

from __future__ import annotations

import re
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from workbench import assembly
from workbench.desk.door import take_up
from workbench.desk.watch import Unattended
from workbench.journal import Limits
from workbench.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def _saved(path: Path, words: str, patience: float = 60.0) -> str:
    """Return the notebook's text once it holds the words: the lab tells nobody outside the browser that it saved."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if words in (text := path.read_text()):
            return text
        time.sleep(0.1)
    raise AssertionError(f"{path.name} was not saved with {words!r}")


def test_the_worker_goes_on_and_no_edit_is_lost(desk: BrowserContext, lab: Any) -> None:
    """Its steps show in the open notebook by themselves; two saves around them ask nothing, and keep what was typed."""
    settings = Settings(home=lab.home)
    name = sorted(lab.alerts)[-1]
    alert = assembly.recorded_alert(name)
    queue = assembly.journal(settings).queue
    assembly.journal(settings).receive([alert], name)
    claim = queue.claim("worker", Limits())
    assert claim is not None
    worker = take_up(alert.id, settings, sit=partial(Unattended, claim=claim, stop=threading.Event()))
    page = desk.new_page()

    page.goto(f"{lab.address}/workbench/open/{alert.id}")
    page.locator(".wb-first", has_text="a worker goes on").first.wait_for()
    queue.renew(claim, Limits())
    asked = re.compile(rf"{worker.case.spent.questions} of \d+ questions")
    expect(page.locator(".wb-first").first).to_contain_text(asked)
    cell = page.locator(".jp-CodeCell", has=page.locator(".cm-content", has_text="case.run()")).last
    cell.locator(".cm-content").click()
    page.keyboard.press("End")
    page.keyboard.type("  # looked at by Ada")
    page.keyboard.press("Control+S")
    path = lab.home / "notebooks" / f"{alert.id}.ipynb"
    _saved(path, "looked at by Ada")
    queue.renew(claim, Limits())
    worker.run()
    queue.finish(claim)

    asked = re.compile(rf"{worker.case.spent.questions} of \d+ questions")
    expect(page.locator(".wb-first").first).to_contain_text(asked)
    expect(page.locator(".wb-first").first).not_to_contain_text("a worker goes on")
    page.keyboard.type(", twice")
    page.keyboard.press("Control+S")
    text = _saved(path, "looked at by Ada, twice")
    assert page.locator(".jp-Dialog").count() == 0
    assert f"{worker.case.spent.questions} of " in text
