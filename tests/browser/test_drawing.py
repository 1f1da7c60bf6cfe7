"""The drawing of a part of the graph in JupyterLab, from a saved notebook: nothing is run, everything answers."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from workbench.nouns import Subgraph
from workbench.render.map import GRAPH, graph_map

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "screens"
HOSTILE = '<img src=x onerror="window.owned=1">'
SIZES = (5, 50, 2_000)


def _estate() -> ModuleType:
    """Return the made-up estate that the tests of the views use."""
    path = Path(__file__).parents[1] / "render" / "estate.py"
    spec = importlib.util.spec_from_file_location("drawing_estate", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def hostile(subgraph: Subgraph) -> Subgraph:
    """Return the part of the graph with names, values and a sentence that hold markup."""
    links = tuple(replace(each, fact=replace(each.fact, source=HOSTILE, evidence=HOSTILE)) for each in subgraph.links)
    entities = tuple(replace(each, name=f"{HOSTILE} {i}") for i, each in enumerate(subgraph.entities))
    return replace(subgraph, say=HOSTILE, entities=entities, links=links)


def saved(path: Path) -> None:
    """Write a notebook whose outputs hold drawings, as a kernel that is gone once left them."""
    estate = _estate()
    parts = [*(estate.estate(size) for size in SIZES), hostile(estate.estate(12))]
    cells = [
        {
            "cell_type": "code",
            "id": f"drawing-{i}",
            "metadata": {},
            "source": "",
            "execution_count": 1,
            "outputs": [
                {
                    "output_type": "execute_result",
                    "execution_count": 1,
                    "metadata": {},
                    "data": dict(graph_map(part)._repr_mimebundle_()),
                }
            ],
        }
        for i, part in enumerate(parts)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture
def page(desk: BrowserContext, lab: Any) -> Iterator[Page]:
    """Open the notebook of drawings; nothing in it is run, and it is not trusted."""
    saved(lab.home / "notebooks" / "drawings.ipynb")
    page = desk.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{lab.address}/lab/tree/drawings.ipynb?reset")
    page.locator(".wbm").first.wait_for()
    yield page
    page.close()


def drawing(page: Page, index: int) -> Locator:
    """Return a drawing once its canvas stands."""
    found = page.locator(".jp-CodeCell").nth(index).locator(".wbm")
    found.scroll_into_view_if_needed()
    expect(found).to_have_attribute("data-ready", "true")
    return found


def seen(drawn: Locator, selector: str) -> int:
    """Return how many elements of the canvas match and are shown, as cytoscape knows them."""
    ask = "(node, selector) => node.querySelector('.wbm-canvas')._cyreg.cy.$(selector).filter(':visible').length"
    return int(drawn.evaluate(ask, selector))


def where(drawn: Locator, name: str) -> dict[str, float]:
    """Return where on the canvas the thing of that name is drawn."""
    ask = """(node, name) => node.querySelector('.wbm-canvas')._cyreg.cy.nodes('.thing')
      .filter(each => each.data('label').startsWith(name))[0].renderedPosition()"""
    found: dict[str, float] = drawn.evaluate(ask, name)
    return found


def test_a_saved_drawing_answers(page: Page, foreign: list[str]) -> None:
    """With nothing run: search, keys, a click, the panel, a layer switched off, at 5, 50 and 2,000 things."""
    small, middle, large = (drawing(page, i) for i in range(3))

    # 5: a click opens the panel with source, age and confidence; Escape closes it
    at = where(small, "shop-gateway")
    small.locator(".wbm-canvas").click(position={"x": at["x"], "y": at["y"]})
    panel = small.get_by_role("region")
    expect(panel.get_by_role("heading", level=3)).to_have_text(re.compile("^shop-gateway"))
    expect(panel).to_contain_text("declared, kubernetes")
    expect(panel).to_contain_text("3 min ago")
    expect(panel).to_contain_text("sure 1")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(small.get_by_role("combobox")).to_be_focused()

    # 50: arrows through what is found, Enter goes there, a name in the panel leads on
    middle.get_by_role("combobox").fill("shop-")
    expect(middle.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("ArrowDown")
    second = middle.get_by_role("option").nth(1)
    expect(second).to_have_attribute("aria-selected", "true")
    name = second.locator("b").inner_text()
    page.keyboard.press("Enter")
    panel = middle.get_by_role("region")
    expect(panel.get_by_role("heading", level=3)).to_have_text(name)
    assert seen(middle, ".thing.chosen") == 1
    assert seen(middle, ".thing.dim") > 0
    other = panel.locator(".wbm-name").first
    following = other.inner_text()
    other.click()
    expect(panel.get_by_role("heading", level=3)).to_have_text(following)

    # a layer off hides its lines, kinds off hide their boxes; both come back
    lines, boxes = seen(middle, "edge"), seen(middle, ".thing")
    layer = middle.get_by_role("button", name="running", exact=True)
    layer.click()
    expect(layer).to_have_attribute("aria-pressed", "false")
    assert seen(middle, "edge") < lines
    middle.get_by_role("button", name="config", exact=True).click()
    assert seen(middle, ".thing") < boxes
    layer.click()
    middle.get_by_role("button", name="config", exact=True).click()
    assert (seen(middle, "edge"), seen(middle, ".thing")) == (lines, boxes)

    # 2,000: the overview has words and no tangle of lines; a search brings out one neighbourhood
    assert seen(large, ".district") == 9 and seen(large, ".line") == 0
    large.get_by_role("combobox").fill("payments-")
    page.keyboard.press("Enter")
    panel = large.get_by_role("region")
    expect(panel.get_by_role("heading", level=3)).to_contain_text("payments-")
    assert 0 < seen(large, ".line") < 100
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / "drawing-2000.png")

    wide = "() => [...document.querySelectorAll('.jp-OutputArea-output')].some(o => o.scrollWidth > o.clientWidth + 1)"
    assert not page.evaluate(wide), "nothing scrolls sideways"
    assert not foreign


def test_a_drawing_keeps_to_itself(page: Page) -> None:
    """Markup in names stays text, typed letters are no commands of the notebook, the colours follow the theme."""
    small, nasty = drawing(page, 0), drawing(page, 3)

    expect(nasty.locator(".wbm-say")).to_have_text(HOSTILE)
    nasty.get_by_role("combobox").fill("<img")
    expect(nasty.get_by_role("option").first).to_contain_text("<img src=x")
    page.keyboard.press("Enter")
    expect(nasty.get_by_role("region")).to_contain_text(HOSTILE)
    assert nasty.locator("img").count() == 0
    assert page.evaluate("() => window.owned === undefined")

    cells = page.locator(".jp-CodeCell").count()
    small.locator(".wbm-canvas").focus()
    for key in ("b", "d", "d", "x", "a"):
        page.keyboard.press(key)
    expect(page.locator(".jp-CodeCell")).to_have_count(cells)

    colour = "node => node.querySelector('.wbm-canvas')._cyreg.cy.$('.thing').style('background-color')"
    light = small.evaluate(colour)
    page.evaluate(
        """() => {  // what the theme manager does, in its order
          document.documentElement.style.setProperty('--jp-layout-color0', '#111111');
          document.body.dataset.jpThemeLight = 'false';
        }"""
    )
    page.wait_for_function(f"node => ({colour})(node) === 'rgb(17,17,17)'", arg=small.element_handle())
    assert light == "rgb(255,255,255)"


def test_the_json_is_what_is_shown(lab: Any) -> None:
    """The file keeps one JSON form a drawing, and the whole notebook of four drawings stays under a megabyte."""
    path = lab.home / "notebooks" / "size.ipynb"
    saved(path)

    assert path.read_text().count(GRAPH) == len(SIZES) + 1
    assert path.stat().st_size < 1_000_000
