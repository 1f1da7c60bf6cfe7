"""View: what a cell shows, and what a closed notebook keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.render.markup import Html, clean, tag
from workbench.render.theme import STYLE

TEXT = "text/plain"
HTML = "text/html"
PLOTLY = "application/vnd.plotly.v1+json"
HYPOTHESIS = "application/vnd.workbench.hypothesis+json"


@dataclass(frozen=True, slots=True)
class View:
    """A mime bundle. A value that is a function is called when the bundle is shown, so that heavy forms stay lazy."""

    bundle: Mapping[str, object]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        return {mime: value() if callable(value) else value for mime, value in self.bundle.items()}

    @property
    def text(self) -> str:
        """The plain form, for a terminal and for search."""
        return str(self.bundle.get(TEXT, ""))

    @property
    def html(self) -> str:
        """The HTML form; empty where there is none."""
        return str(self.bundle.get(HTML, ""))

    def __str__(self) -> str:
        return self.text


def page(text: str, *children: object, also: Mapping[str, object] | None = None, kind: str = "") -> View:
    """Return a view of the plain text and of the children as one styled HTML block.

    >>> page("a < b", "a < b").html.endswith('<div class="wb mathjax_ignore">a &lt; b</div>')
    True
    """
    body = tag("div", *children, class_=f"wb mathjax_ignore wb-{kind}".removesuffix(" wb-"))
    return View({**(also or {}), HTML: Html(STYLE + body), TEXT: clean(text)})
