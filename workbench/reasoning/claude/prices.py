"""List prices of the models, in US dollars per million tokens. A model without a price is refused, never free.

Source: the provider's pricing page and model pages, https://platform.claude.com/docs/en/about-claude/pricing, as of
October 2026. A cached prompt that lives five minutes costs 1.25 times the input price to write, one hour twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ontology.errors import BadInput

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost."""

    input: float
    output: float
    cache_read: float
    above: int | None = None
    """A prompt of more tokens than this costs `factor` times as much, output too."""
    factor: float = 1.0

    def for_prompt(self, tokens: int) -> Price:
        """Return the price that holds for a prompt of that many tokens."""
        if self.above is None or tokens <= self.above:
            return self
        dear = self.factor
        return replace(
            self, input=self.input * dear, output=self.output * dear, cache_read=self.cache_read * dear, above=None
        )

    def most(self, prompt: int, output: int) -> float:
        """Return the most that a call may cost: all of the prompt written to the cache, all output used."""
        price = self.for_prompt(prompt)
        return (prompt * price.input * 1.25 + output * price.output) / MILLION

    def output_for(self, prompt: int, dollars: float) -> int:
        """Return how many output tokens the dollars leave room for, zero or less where there is none."""
        price = self.for_prompt(prompt)
        return int((dollars * MILLION - prompt * price.input * 1.25) / price.output)

    def cost(self, usage: Any) -> float:
        """Return what a call did cost, from the usage that the API reported."""
        written, read = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
        hour = getattr(usage.cache_creation, "ephemeral_1h_input_tokens", 0) or 0
        price = self.for_prompt(usage.input_tokens + written + read)
        prompt = usage.input_tokens * price.input + (written - hour) * price.input * 1.25 + hour * price.input * 2
        return float(prompt + read * price.cache_read + usage.output_tokens * price.output) / MILLION


PRICES = {
    "claude-fable-5-1": Price(10.0, 50.0, 0.25),
    "claude-opus-5-5": Price(4.0, 20.0, 0.20),
    "claude-opus-5": Price(5.0, 25.0, 0.50),
    "claude-opus-4-8": Price(5.0, 25.0, 0.50),
    "claude-opus-4-7": Price(5.0, 25.0, 0.50),
    "claude-opus-4-6": Price(5.0, 25.0, 0.50),
    "claude-sonnet-5-5": Price(2.0, 10.0, 0.10),
    "claude-sonnet-5": Price(2.0, 10.0, 0.20),
    "claude-sonnet-4-6": Price(3.0, 15.0, 0.30),
    "claude-haiku-5-5": Price(0.10, 0.50, 0.01, above=100_000, factor=5.0),
    "claude-haiku-4-5": Price(1.0, 5.0, 0.10),
}


def price_of(model: str) -> Price:
    """Return the price of a model.

    Raises:
        BadInput: it has none here, so no cap could hold.

    >>> price_of("claude-opus-5-5").most(prompt=10_000, output=1_000)
    0.07
    """
    try:
        return PRICES[model]
    except KeyError:
        raise BadInput(
            f"The model {model!r} has no price here, so no budget could hold for it.",
            next_step=f"Set WORKBENCH_MODEL to one of: {', '.join(PRICES)}.",
        ) from None
