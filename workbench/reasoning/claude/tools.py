"""The tools that a model may call, and a call -> a Question built from the ids of the case.

There is no verb that writes. An entity is one of the case's scope, found by its IRI; a window is cut to the alert's; a
metric is a name, never a query. So nothing that telemetry says can reach a source as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ontology.errors import BadInput, ModelError
from ontology.nouns import Entity, Window, utc
from ontology.terms import FAILURE_MODES
from workbench.nouns import Case, Modality, Question
from workbench.reasoning.claude.quoting import quoted

METRIC = re.compile(r"[A-Za-z_:][A-Za-z0-9_:.]{0,120}\*?")
"""A metric's name, or its beginning and a star."""
ENTITIES = 12
"""As many entities may one question be about."""

_ABOUT = {
    Modality.METRICS: "How measurements of these entities moved against the time before the incident.",
    Modality.TRACES: "Spans of these services: durations, errors, who called whom.",
    Modality.LOGS: "Log messages of these entities.",
    Modality.CHANGES: "Deployments, configuration and flag changes of these entities.",
    Modality.STATE: "Declared and running state of these entities: replicas, images, limits, conditions.",
}


def ask_tool(modality: Modality) -> dict[str, Any]:
    """Return the tool that asks for one kind of telemetry."""
    text = {"type": "string"}
    properties: dict[str, Any] = {
        "entities": {
            "type": "array",
            "items": text,
            "description": "IRIs from the scope; leave empty for all of them.",
        },
        "start": {**text, "description": "ISO-8601; default is the start of the alert's window, and never before."},
        "end": {**text, "description": "ISO-8601; default is the end of the alert's window, and never after."},
        "why": {**text, "description": "What the answer would tell apart, in one sentence."},
    }
    if modality is Modality.METRICS:
        metric = "One metric's name, or its beginning and a star; leave out for all."
        properties["metric"] = {**text, "description": metric}
    return {
        "name": f"ask_{modality}",
        "description": _ABOUT[modality],
        "input_schema": {"type": "object", "properties": properties, "required": ["why"]},
    }


CONCLUDE: dict[str, Any] = {
    "name": "conclude",
    "description": "Say what you hold for the cause, the most believed first; at most five, possibly none.",
    "input_schema": {
        "type": "object",
        "properties": {
            "hypotheses": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "claim": {"type": "string", "description": "The cause in one sentence."},
                        "suspect": {"type": "string", "description": "IRI of the entity at fault, from the scope."},
                        "failure_mode": {"type": "string", "enum": list(FAILURE_MODES)},
                        "belief": {"type": "number", "description": "0 to 1"},
                        "evidence": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "properties": {
                                    "observation": {"type": "string", "description": "id of an observation"},
                                    "stance": {"type": "string", "enum": ["for", "against"]},
                                    "note": {"type": "string", "description": "What it shows, with numbers and units."},
                                },
                                "required": ["observation", "stance", "note"],
                            },
                        },
                        "would_refute": {"type": "string", "description": "What would prove the claim wrong."},
                        "next_step": {"type": "string", "description": "What a person should look at or do next."},
                    },
                    "required": ["claim", "suspect", "failure_mode", "belief", "evidence", "would_refute"],
                },
            }
        },
        "required": ["hypotheses"],
    },
}

TOOLS = (*(ask_tool(modality) for modality in Modality), CONCLUDE)


def question(name: str, arguments: Mapping[str, Any], case: Case) -> Question:
    """Return the question that a call of an `ask_*` tool stands for.

    Raises:
        ModelError: no such tool, or an argument that cannot be used; the model reads why.
    """
    try:
        modality = Modality(name.removeprefix("ask_"))
    except ValueError:
        raise ModelError(f"There is no tool {quoted(name, 60)!r}.") from None
    return Question(
        modality,
        _window(arguments, case),
        _entities(arguments.get("entities"), case),
        baseline=_baseline(case, modality),
        what=_metric(arguments.get("metric")) if modality is Modality.METRICS else "",
        why=quoted(_string(arguments.get("why"), "why"), 300),
    )


def in_scope(iri: object, case: Case) -> Entity:
    """Return the entity of the scope with that IRI.

    Raises:
        ModelError: there is none.
    """
    found = next((entity for entity in case.scope if entity.iri == iri), None)
    if found is None:
        raise ModelError(f"{quoted(str(iri), 120)!r} is not the IRI of an entity in scope.")
    return found


def _entities(iris: object, case: Case) -> tuple[Entity, ...]:
    if iris is None:
        iris = []
    if not isinstance(iris, list) or len(iris) > ENTITIES:
        raise ModelError(f"`entities` is a list of at most {ENTITIES} IRIs.")
    return tuple(dict.fromkeys(in_scope(iri, case) for iri in iris)) or case.scope


def _window(arguments: Mapping[str, Any], case: Case) -> Window:
    """Return the asked window, cut to the alert's; a window beside it is an error, not an empty answer."""
    whole = case.alert.window
    try:
        start = utc(_string(arguments.get("start") or whole.start.isoformat(), "start"))
        end = utc(_string(arguments.get("end") or whole.end.isoformat(), "end"))
    except (BadInput, OverflowError) as error:
        raise ModelError(f"`start` and `end` are ISO-8601 times: {quoted(str(error), 120)}") from error
    start, end = max(start, whole.start), min(end, whole.end)
    if end <= start:
        raise ModelError(f"The window must lie within {whole.start.isoformat()} to {whole.end.isoformat()}.")
    return Window(start, end)


def _baseline(case: Case, modality: Modality) -> Window:
    """Return the window to compare with: the one that was used before for this kind, else as long as the alert's."""
    used = (each.question for each in case.observations if each.question.baseline is not None)
    known = sorted(used, key=lambda asked: asked.modality is not modality)
    if known and known[0].baseline is not None:
        return known[0].baseline
    return case.alert.window.before(case.alert.window.seconds)


def _metric(name: object) -> str:
    text = _string(name or "", "metric")
    if text and not METRIC.fullmatch(text):
        raise ModelError("`metric` is one metric's name, or its beginning and a star; it is not a query.")
    return text


def _string(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ModelError(f"`{name}` must be text.")
    return value
