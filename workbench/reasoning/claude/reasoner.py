"""The Claude reasoner: starts from the statistical thought, reads what it cannot, asks, and concludes.

    think(case) = statistical thought          while that still has something to ask: it is free
                | + what the model makes of all the evidence, once it has not
                | + a note of why not          where the model cannot take part: key, budget, outage, refusal

One `think` is one turn of the model. Its questions go to the engine; the next turn reads their answers from the case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ontology.errors import ModelError, PersonError, Unavailable
from workbench.nouns import Budget, Case, Question
from workbench.ports import Reasoner, Thought
from workbench.reasoning.claude.calls import FIRST_WAIT, OUTPUT, Caller, CallError, Ledger, anthropic_client
from workbench.reasoning.claude.conclusion import Conclusion, concluded, merged, with_earlier
from workbench.reasoning.claude.conversation import QUESTIONS, Talk, conversation
from workbench.reasoning.claude.prices import price_of
from workbench.reasoning.claude.quoting import quoted
from workbench.reasoning.claude.tools import question

ROUNDS = 3
"""Requests in one turn: the first, and two more where the answer could not be used."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer of the model amounts to."""

    questions: tuple[Question, ...] = ()
    conclusion: Conclusion | None = None
    errors: tuple[tuple[str, str], ...] = ()
    """Id of a tool call that could not be used, and why."""

    @property
    def usable(self) -> bool:
        """Say whether there is anything to go on with."""
        return bool(self.questions) or self.conclusion is not None


@dataclass(slots=True)
class _Turn:
    """One turn under way: what it has cost so far."""

    spent: Budget = field(default_factory=Budget)


class ClaudeReasoner:
    """A reasoner on top of another.

    Args:
        base: the reasoner whose thought it starts from.
        ledger: where money is reserved and settled; holds the caps.
        model: a model with a list price.
        key: key of the Messages API.
        base_url: another address for it; empty means the provider's.
        client: makes the SDK's client, in place of key and base_url.
        first_wait: seconds before a second try where the server does not say.

    Raises:
        BadInput: the model has no price.
        Unavailable: there is no key.
    """

    name = "claude"

    def __init__(
        self,
        base: Reasoner,
        ledger: Ledger,
        *,
        model: str,
        key: str = "",
        base_url: str = "",
        client: Callable[[], Any] | None = None,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        price_of(model)
        if client is None and not key:
            raise Unavailable(
                "The Claude reasoner has no key.",
                next_step="Set WORKBENCH_ANTHROPIC_API_KEY, or go on with the statistical reasoner.",
            )
        self.base = base
        self._caller = Caller(model, ledger, client or anthropic_client(key, base_url), first_wait)

    def think(self, case: Case, left: Budget) -> Thought:
        """Return the statistical thought, and once that has nothing left to ask, what the model adds to it."""
        ground = self.base.think(case, left)
        if ground.questions or not case.observations:
            return with_earlier(ground, case)
        turn = _Turn(ground.spent)
        try:
            said = self._turn(turn, conversation(case, ground, left - ground.spent), case, ground, left)
        except (CallError, PersonError) as error:
            why = error.problem if isinstance(error, PersonError) else str(error)
            note = _joined(ground.note, f"Claude took no part: {why}")
            return replace(with_earlier(ground, case), spent=turn.spent, note=note)
        return _thought(said, ground if said.conclusion else with_earlier(ground, case), turn.spent)

    def _turn(self, turn: _Turn, talk: Talk, case: Case, ground: Thought, left: Budget) -> Said:
        """Return the first usable answer within ROUNDS requests; raise CallError where there is none."""
        output, why = OUTPUT, "no answer"
        for _ in range(ROUNDS):
            message = self._call(turn, talk, case.id, left, output)
            said = _read(message, case, ground, talk)
            if said.usable and message.stop_reason != "max_tokens":
                return said
            if message.stop_reason in ("refusal", "model_context_window_exceeded"):
                raise CallError(_ENDS[message.stop_reason])
            why = _ENDS.get(message.stop_reason, said.errors[0][1] if said.errors else "it called no tool")
            if message.stop_reason == "max_tokens":
                output *= 2  # the same again with more room: half a tool call is no call
            else:
                talk = _answered(talk, message, said)
        raise CallError(f"no usable answer in {ROUNDS} rounds ({quoted(why, 200)})")

    def _call(self, turn: _Turn, talk: Talk, case_id: str, left: Budget, output: int) -> Any:
        try:
            message, cost = self._caller.call(talk, case_id, left - turn.spent, output)
        except CallError as error:
            turn.spent += error.spent
            raise
        turn.spent += cost
        return message


_ENDS = {
    "refusal": "the model declined to answer",
    "max_tokens": "its answer was longer than the room for it",
    "model_context_window_exceeded": "the evidence is longer than the model can read",
    "pause_turn": "it paused",
}


def _read(message: Any, case: Case, ground: Thought, talk: Talk) -> Said:
    """Return what the tool calls in a message amount to; calls that cannot be used are told apart."""
    offered = {tool["name"] for tool in talk.tools}
    questions: dict[str, Question] = {}
    conclusion, errors = None, []
    for block in message.content:
        if block.type != "tool_use":
            continue
        try:
            arguments = _arguments(block, offered)
            if block.name == "conclude":
                conclusion = concluded(arguments, case, ground.hypotheses)
            else:
                asked = question(block.name, arguments, case)
                questions.setdefault(asked.id, asked)
        except ModelError as error:
            errors.append((str(block.id), str(error)))
    return Said(tuple(questions.values())[:QUESTIONS], conclusion, tuple(errors))


def _arguments(block: Any, offered: set[str]) -> dict[str, Any]:
    if block.name not in offered:
        raise ModelError(f"There is no tool {quoted(str(block.name), 60)!r} now.")
    if not isinstance(block.input, dict):
        raise ModelError("The arguments must be an object.")
    return block.input


def _answered(talk: Talk, message: Any, said: Said) -> Talk:
    """Return the talk with the unusable answer and what was wrong with it; a paused turn is just handed back."""
    answer = {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]}
    if message.stop_reason == "pause_turn":
        return talk.more(answer)
    wrong = [
        {"type": "tool_result", "tool_use_id": call, "is_error": True, "content": why} for call, why in said.errors
    ]
    ask = {"type": "text", "text": "Call an ask tool or `conclude`, with arguments as described."}
    return talk.more(answer, {"role": "user", "content": [*wrong, ask]}) if message.content else talk


def _thought(said: Said, ground: Thought, spent: Budget) -> Thought:
    """Return the ground with what the model said."""
    hypotheses, parts = ground.hypotheses, []
    if said.conclusion is not None:
        hypotheses = merged(said.conclusion.hypotheses, ground.hypotheses)
        parts.append(f"holds {_count(len(said.conclusion.hypotheses), 'hypothesis', 'hypotheses')}")
        if said.conclusion.dropped:
            parts.append(f"{len(said.conclusion.dropped)} dropped: {said.conclusion.dropped[0]}")
    if said.questions:
        parts.append(f"asks {_count(len(said.questions), 'question', 'questions')}")
    if said.errors:
        parts.append(f"{_count(len(said.errors), 'call', 'calls')} could not be used: {said.errors[0][1]}")
    note = _joined(ground.note, f"Claude {'; '.join(parts)}")
    return replace(ground, hypotheses=hypotheses, questions=said.questions, spent=spent, note=note)


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _joined(note: str, more: str) -> str:
    return f"{note} {more.rstrip('.')}.".strip()
