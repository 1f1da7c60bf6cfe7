"""One call over the wire: money reserved before it and settled after it, our own retries, every end of a stream told.

The only file that imports anthropic, and only when the first call is made (the import takes seconds). The SDK's own
retries are off: they would spend beyond the reservation and beyond the deadline.

    outcome                                      billed             again?
    429, 529, 5xx, no connection                 no                 yes, with patience
    429 that names a spend limit, other 4xx      no                 no
    stream broken off, time-out after sending    unknown: in full   yes
    a whole message                              as reported        -
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ontology.errors import WorkbenchError
from workbench.nouns import Budget
from workbench.reasoning.claude.conversation import Talk
from workbench.reasoning.claude.prices import price_of
from workbench.reasoning.claude.quoting import quoted

TRIES = 3
"""Requests for one logical call, the first included."""
PATIENCE = 90.0
"""Seconds that one logical call may take in all, waits included."""
FIRST_WAIT = 1.0
"""Seconds before the second try where the server does not say; doubles, with jitter."""
OUTPUT = 8_000
"""Output tokens that a call may use, thinking included."""
LEAST_OUTPUT = 1_000
"""Below this an answer would be cut off: no call is made."""
COUNT_MARGIN = 1.05
"""The API calls its token count an estimate."""


class Hold(Protocol):
    """Money held for one call."""

    @property
    def dollars(self) -> float:
        """How much."""
        ...


class Ledger(Protocol):
    """Where money is reserved before a call and settled after it; holds the caps."""

    def reserve(self, case_id: str, dollars: float) -> Any:
        """Return a hold, or raise PersonError where a cap would be passed."""
        ...

    def settle(self, reservation: Any, dollars: float, tokens: int = 0) -> None:
        """Book what the call did cost."""
        ...

    def release(self, reservation: Any) -> None:
        """Give the money back: the call cost nothing."""
        ...


class CallError(WorkbenchError):
    """A call that came to nothing. `spent` is what it cost all the same, as far as anyone can know."""

    def __init__(self, why: str, *, again: bool = False, billed: bool = False, wait: float | None = None) -> None:
        super().__init__(why)
        self.again = again
        self.billed = billed
        self.wait = wait
        self.spent = Budget()


@dataclass(slots=True)
class Caller:
    """Makes calls for a model.

    Args:
        model: a model with a price.
        ledger: where the money is.
        client: returns an `anthropic.Anthropic`; called once, when the first call is made.
        first_wait: seconds before the second try where the server does not say.
    """

    model: str
    ledger: Ledger
    client: Callable[[], Any]
    first_wait: float = FIRST_WAIT
    _made: Any = field(default=None, init=False)

    def call(self, talk: Talk, case_id: str, left: Budget, output: int = OUTPUT) -> tuple[Any, Budget]:
        """Return the message and what it cost, retries included.

        Raises:
            CallError: no message came of it, `spent` says what it cost.
            PersonError: the ledger refused: a cap, or the journal cannot be written.
        """
        deadline = time.monotonic() + min(PATIENCE, max(left.seconds, 0.0))
        spent = Budget()
        for attempt in range(1, TRIES + 1):
            try:
                message, cost = self._once(talk, case_id, left - spent, output, deadline)
                return message, spent + cost
            except CallError as error:
                spent += error.spent
                wait = self._wait(error, attempt)
                if not error.again or attempt == TRIES or time.monotonic() + wait >= deadline:
                    error.spent = spent
                    raise
                time.sleep(wait)
        raise AssertionError("the loop above returns or raises")

    def _wait(self, error: CallError, attempt: int) -> float:
        if error.wait is not None:
            return error.wait
        return float(self.first_wait * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25)  # noqa: S311  # jitter, no secret

    def _once(self, talk: Talk, case_id: str, left: Budget, output: int, deadline: float) -> tuple[Any, Budget]:
        """Make one request with its own reservation."""
        price, request = price_of(self.model), self._request(talk)
        prompt = self._prompt_tokens(request, deadline)
        output = min(output, price.output_for(prompt, left.dollars), left.tokens - prompt)
        if output < LEAST_OUTPUT:
            raise CallError(f"the budget leaves ${left.dollars:.2f} and {left.tokens} tokens, too little for a call")
        hold = self.ledger.reserve(case_id, price.most(prompt, output))
        try:
            message = self._sent({**request, "max_tokens": output}, deadline)
        except CallError as error:
            error.spent = self._closed(hold, error, prompt + output)
            raise
        except BaseException:  # stopped by the person, or a fault of ours: the provider may bill it, so it counts
            self.ledger.settle(hold, hold.dollars, prompt + output)
            raise
        usage = message.usage
        tokens = usage.input_tokens + usage.output_tokens
        tokens += (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
        self.ledger.settle(hold, price.cost(usage), tokens)
        return message, Budget(dollars=price.cost(usage), tokens=tokens)

    def _closed(self, hold: Any, error: CallError, tokens: int) -> Budget:
        """Close the hold of a failed call: in full where it may have been billed."""
        if not error.billed:
            self.ledger.release(hold)
            return Budget()
        self.ledger.settle(hold, hold.dollars, tokens)
        return Budget(dollars=hold.dollars, tokens=tokens)

    def _request(self, talk: Talk) -> dict[str, Any]:
        return {
            "model": self.model,
            "system": [{"type": "text", "text": talk.system}],
            "messages": list(talk.messages),
            "tools": list(talk.tools),
        }

    def _prompt_tokens(self, request: dict[str, Any], deadline: float) -> int:
        """Return how many tokens the prompt has: the API's count with a margin (it is free of charge)."""
        with _told(deadline):
            counted = self._client().messages.count_tokens(**request, timeout=_seconds(deadline))
        return int(counted.input_tokens * COUNT_MARGIN) + 1

    def _sent(self, request: dict[str, Any], deadline: float) -> Any:
        """Send the request and read the stream to its end."""
        whole = False
        with (
            _told(deadline, sent=True),
            self._client().messages.stream(**request, timeout=_seconds(deadline)) as stream,
        ):
            for event in stream:
                whole = whole or event.type == "message_stop"
                if time.monotonic() > deadline:  # a drip keeps each read alive; the whole has a deadline of its own
                    raise CallError("no answer within the time that is left", billed=True)
            if whole and (message := stream.get_final_message()).stop_reason is not None:
                return message
        raise CallError("the answer broke off half-way", again=True, billed=True)

    def _client(self) -> Any:
        if self._made is None:
            self._made = self.client()
        return self._made


def anthropic_client(key: str, base_url: str = "") -> Callable[[], Any]:
    """Return what makes the SDK's client on first use."""

    def make() -> Any:
        from anthropic import Anthropic

        return Anthropic(api_key=key, base_url=base_url or None, max_retries=0)

    return make


def _seconds(deadline: float) -> float:
    return max(0.1, deadline - time.monotonic())


class _told:  # noqa: N801  # reads as a verb in a with line
    """Turns the SDK's errors in a block into CallErrors that say whether to try again and whether it was billed."""

    def __init__(self, deadline: float, *, sent: bool = False) -> None:
        self.deadline = deadline
        self.sent = sent
        """Whether what is sent in the block costs money."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and (told := _as_call_error(error, sent=self.sent)) is not None:
            raise told from error


def _as_call_error(error: BaseException, *, sent: bool) -> CallError | None:
    """Return what the SDK's error means for us; None for what is not the SDK's."""
    import anthropic
    import httpx2

    if isinstance(error, anthropic.APIStatusError):
        return _status(error, sent=sent)
    if isinstance(error, anthropic.APITimeoutError):
        return CallError("the model did not answer in time", billed=sent)
    if isinstance(error, anthropic.APIConnectionError):
        never = isinstance(error.__cause__, httpx2.ConnectError)
        return CallError("the model's address does not answer", again=True, billed=sent and not never)
    if isinstance(error, httpx2.TimeoutException):
        return CallError("the model did not answer in time", billed=sent)
    if isinstance(error, httpx2.HTTPError | anthropic.APIError):
        return CallError("the answer broke off half-way", again=True, billed=sent)
    if isinstance(error, ValueError):  # the SDK reads a tool's arguments as they stream in
        return CallError("the answer was not valid JSON", again=True, billed=sent)
    return None


def _status(error: Any, *, sent: bool) -> CallError:
    """Return what a status means. An error inside a stream carries the stream's 200 and its own type."""
    code, kind = error.status_code, error.type or ""
    inside = code < 400
    why = f"the model's service answered {kind or code}" if inside else f"the model's service answered {code} {kind}"
    why = quoted(why.strip(), 200)
    if "spend_limit" in (error.error_code or "") or code == 402:
        return CallError(f"{why}: its spend limit is reached", billed=False)
    if code == 401 or code == 403:
        return CallError(f"{why}: check WORKBENCH_ANTHROPIC_API_KEY")
    again = code in (408, 409, 429) or code >= 500 or (inside and kind in ("overloaded_error", "api_error"))
    return CallError(why, again=again, billed=sent and inside, wait=_retry_after(error))


def _retry_after(error: Any) -> float | None:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:  # not there, or a date: our own patience then
        return None
