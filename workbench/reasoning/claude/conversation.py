"""A case -> the conversation that a model reads. A function of the case: nothing is remembered between turns.

    user       the alert, the scope, how it hangs together          data
    assistant  ask_metrics {...}     one pair an observation, in     the question, built from ids
    user       tool_result {...}     the order they were taken       data
    user       where we stand: hypotheses, what the engineer said    data, then what to do

Each observation only ever adds a pair at the end, so the prompt cache holds for all that stands before it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

from memory.protocol import Recollection
from ontology.nouns import Fact, Iri
from workbench.nouns import Budget, Case, Hypothesis, Observation, Question, State
from workbench.ports import Thought
from workbench.reasoning.claude.conclusion import by_model
from workbench.reasoning.claude.evidence import shown
from workbench.reasoning.claude.quoting import quoted
from workbench.reasoning.claude.tools import CONCLUDE, TOOLS

FACTS = 300
"""Facts of the topology that are shown."""
QUESTIONS = 6
"""Questions that one turn may ask."""
HEADER = re.compile(r"\A---\n.*?^version: (\d+)$.*?^---\n", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Talk:
    """All that one request says, besides the model and how long the answer may be."""

    system: str
    messages: tuple[dict[str, Any], ...]
    tools: tuple[dict[str, Any], ...] = field(default=TOOLS)

    def more(self, *messages: dict[str, Any]) -> Talk:
        """Return the talk with further messages."""
        return replace(self, messages=(*self.messages, *messages))


@lru_cache
def prompt(name: str) -> tuple[str, int]:
    """Return a prompt of the prompts folder and the version in its header."""
    text = files("workbench.reasoning").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")
    header = HEADER.match(text)
    if header is None:
        raise ValueError(f"the prompt {name!r} has no header with a version")
    return text[header.end() :].strip(), int(header[1])


def conversation(case: Case, ground: Thought, left: Budget) -> Talk:
    """Return the conversation for the next turn of a case, on the ground of the statistical thought."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": [_block(_opening(case))]}]
    for observation in {each.id: each for each in case.observations}.values():
        messages += _pair(observation)
    last = messages[-1]["content"]
    last[-1] = {**last[-1], "cache_control": {"type": "ephemeral"}}
    room = min(QUESTIONS, left.questions)
    last.append(_block(_standing(case, ground, room)))
    return Talk(prompt("investigate")[0], tuple(messages), TOOLS if room > 0 else (CONCLUDE,))


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _data(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _pair(observation: Observation) -> list[dict[str, Any]]:
    """Return an observation as the call that asked for it and its result."""
    call = f"toolu_{observation.id}"
    asked = {"type": "tool_use", "id": call, "name": f"ask_{observation.question.modality}"}
    result = {"type": "tool_result", "tool_use_id": call, "content": [_block(shown(observation))]}
    return [
        {"role": "assistant", "content": [{**asked, "input": _arguments(observation.question)}]},
        {"role": "user", "content": [result]},
    ]


def _arguments(question: Question) -> dict[str, Any]:
    return {
        "entities": [entity.iri for entity in question.about],
        "start": question.window.start.isoformat(),
        "end": question.window.end.isoformat(),
        "why": quoted(question.why, 300) or "a first look",
        **({"metric": quoted(question.what, 120)} if question.what else {}),
    }


def _opening(case: Case) -> str:
    """Return what stays the same all through the case."""
    alert = case.alert
    labels = {quoted(key, 60): quoted(value, 200) for key, value in list(alert.labels.items())[:40]}
    told = {
        "alert": {
            "title": quoted(alert.title, 200),
            "summary": quoted(alert.summary, 600),
            "severity": quoted(alert.severity, 20),
            "window": [alert.window.start.isoformat(), alert.window.end.isoformat()],
            "labels": labels,
        },
        "scope": [{"iri": e.iri, "kind": str(e.kind), "name": quoted(e.name, 80)} for e in case.scope],
        "topology": [_fact(fact) for fact in case.topology[:FACTS] if isinstance(fact.object, Iri)],
    }
    return f"The incident, as data:\n{_data(told)}"


def _fact(fact: Fact) -> list[str]:
    predicate = re.split(r"[/#]", fact.predicate)[-1]
    return [str(fact.subject), predicate, str(fact.object)]


def _standing(case: Case, ground: Thought, room: int) -> str:
    """Return where the case stands, and what to do now."""
    told = {
        "statistical_hypotheses": [_hypothesis(each) for each in ground.hypotheses[:8]],
        "your_earlier_hypotheses": [_hypothesis(each) for each in case.hypotheses if by_model(each)],
        "ruled_out": [_hypothesis(each) for each in case.hypotheses if each.state is State.RULED_OUT],
        "engineer_says": [{"kind": s.kind, "text": quoted(s.text, 300), "about": s.target} for s in case.steers[-10:]],
        "remembered": [_remembered(each) for each in case.recollections[:3]],
    }
    ask = f"Ask at most {room} more questions, or conclude." if room > 0 else "Conclude now; no question is left."
    return f"Where the case stands, as data:\n{_data(told)}\n\n{ask}"


def _hypothesis(each: Hypothesis) -> dict[str, Any]:
    cited = [
        {"observation": e.observation, "stance": e.stance, "weight": round(e.weight, 2), "note": quoted(e.note, 200)}
        for e in each.evidence[:6]
    ]
    return {
        "suspect": each.suspect.iri,
        "failure_mode": each.failure_mode,
        "claim": quoted(each.claim, 300),
        "evidence": cited,
        **({"ruled_out_because": quoted(each.ruled_out_because, 300)} if each.ruled_out_because else {}),
    }


def _remembered(each: Recollection) -> dict[str, Any]:
    episode = each.episode
    return {
        "cause": quoted(episode.claim, 300),
        "failure_mode": episode.failure_mode,
        "verdict": str(episode.verdict),
        "alike_because": [quoted(why, 120) for why in each.why[:5]],
    }
