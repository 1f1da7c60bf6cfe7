"""Runbooks: Markdown files with a small header, matched to an alert, a failure mode and a kind of entity.

---
title: Payment pool exhausted
alerts: [CheckoutLatencyHigh]
failure_modes: [bad-configuration]
kinds: [Service]
---
1. Compare POOL_SIZE of the release with the one before.
   ```python
   case.timeline()
   ```

The fenced lines of a step are what it asks. They are offered as a cell, never run by themselves, and only lines that
look are taken: a call on `case` or `wb` that reads.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

import yaml

from memory.protocol import Runbook, Step
from ontology.errors import BadInput
from ontology.nouns import Alert

HEADER = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
STEP = re.compile(r"^\s*(?:\d+[.)]|[-*])\s+(.+)$", re.MULTILINE)
FENCE = re.compile(r"^[ \t]*```(?:python|sparql)?[ \t]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)
LOOKS = frozenset(
    {"alert", "coverage", "episodes", "figure", "graph", "hypotheses", "logs", "metrics", "show", "sparql", "timeline"}
    | {"traces"}
)
"""Words of the notebook that read and do nothing else."""


def read(path: Path) -> Runbook:
    """Return the runbook in a Markdown file.

    Raises:
        BadInput: there is no header, or it is not YAML.
    """
    found = HEADER.match(path.read_text(encoding="utf-8"))
    try:
        header = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError as error:
        raise BadInput(
            f"The header of {path.name} is not YAML: {error}.", next_step="Correct it and read again."
        ) from error
    if not found or not isinstance(header, dict):
        raise BadInput(f"{path.name} has no header.", next_step="Begin the file with --- title: …, alerts: […] ---.")
    return Runbook(
        id=path.stem,
        title=str(header.get("title", path.stem)),
        steps=tuple(STEP.findall(FENCE.sub("", found[2]))),
        alerts=tuple(map(str, header.get("alerts", ()))),
        failure_modes=tuple(map(str, header.get("failure_modes", ()))),
        kinds=tuple(map(str, header.get("kinds", ()))),
        looks=_looks(found[2], path.name),
    )


def _looks(body: str, name: str) -> tuple[Step, ...]:
    """Return the steps with the lines that follow each.

    Raises:
        BadInput: a line would do more than look.
    """
    starts = [*STEP.finditer(FENCE.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), body))]
    ends = [*(each.start(1) for each in starts[1:]), len(body)]
    steps = []
    for start, end in zip(starts, ends, strict=True):
        look = "\n".join(textwrap.dedent(each).strip() for each in FENCE.findall(body[start.start(1) : end]))
        if look and not only_looks(look):
            raise BadInput(
                f"A step of {name} would do more than look: {look.splitlines()[0]!r}.",
                next_step=f"Keep to calls on case or wb: {', '.join(sorted(LOOKS))}.",
            )
        steps.append(Step(start[1].strip(), look))
    return tuple(steps)


def only_looks(code: str) -> bool:
    """Say whether each line is one call on `case` or `wb` that reads, with plain values.

    >>> only_looks("case.logs('payment')"), only_looks("import os"), only_looks("case.save()")
    (True, False, False)
    """
    try:
        lines = ast.parse(code).body
    except SyntaxError:
        return False
    return all(isinstance(line, ast.Expr) and _reads(line.value) for line in lines)


def _reads(call: ast.expr) -> bool:
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return False
    on = call.func.value
    given = [*call.args, *(each.value for each in call.keywords)]
    plain = all(isinstance(each, ast.Constant) for each in given)
    return isinstance(on, ast.Name) and on.id in ("case", "wb") and call.func.attr in LOOKS and plain


def fitting(
    runbooks: Iterable[Runbook], alert: Alert, failure_mode: str = "", kinds: Iterable[str] = ()
) -> tuple[Runbook, ...]:
    """Return those that fit, the ones for this very alert first, then by title."""
    known = frozenset(kinds)
    those = [each for each in runbooks if fits(each, alert, failure_mode) and (not each.kinds or known & {*each.kinds})]
    return tuple(sorted(those, key=lambda each: (_name(alert) not in each.alerts, each.title)))


def fits(runbook: Runbook, alert: Alert, failure_mode: str = "") -> bool:
    """Say whether the runbook is for this alert or this failure mode."""
    return _name(alert) in runbook.alerts or (bool(failure_mode) and failure_mode in runbook.failure_modes)


def _name(alert: Alert) -> str:
    return alert.labels.get("alertname", alert.title)
