"""What a model is shown: cleaned, capped, of every kind of telemetry; and the prompt that goes before it."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pandas as pd
import pytest

from ontology.nouns import Window
from workbench.nouns import Answered, Failed, Modality, Observation, Question, Silent
from workbench.reasoning.claude.conversation import prompt
from workbench.reasoning.claude.evidence import LIMIT, shown
from workbench.reasoning.claude.prices import PRICES, price_of
from workbench.reasoning.claude.quoting import HIDDEN, quoted

WINDOW = Window.of("2026-01-01T02:50:00Z", "2026-01-01T03:00:00Z")
TIME = pd.Timestamp(WINDOW.start)

TABLES = {
    Modality.METRICS: {"time": [TIME], "entity": ["cart"], "metric": ["rps"], "value": [float("nan")]},
    Modality.TRACES: {
        "trace_id": ["t"] * 2,
        "span_id": ["a", "b"],
        "parent_id": [None, "a"],
        "service": ["cart", None],
        "operation": ["GET /", "db"],
        "kind": ["server", None],
        "start": [TIME] * 2,
        "duration_ms": [12.5, float("nan")],
        "status": ["ok", "error"],
        "message": [None, "refused"],
    },
    Modality.LOGS: {"time": [TIME], "entity": [None], "severity": [None], "message": ["boom"], "trace_id": [None]},
    Modality.CHANGES: {
        "time": [TIME, TIME],
        "entity": ["cart", None],
        "kind": ["deploy", "flag"],
        "summary": ["cart 1.3", None],
        "ref": ["abc", None],
        "detail": ["pool_size: 5", None],
    },
    Modality.STATE: {"time": [TIME], "entity": ["cart"], "kind": ["Pod"], "field": ["restarts"], "value": [3]},
}


@pytest.mark.parametrize("modality", list(Modality))
def test_every_kind_of_table_is_shown_as_valid_json(modality: Modality) -> None:
    """A table with missing values reads as JSON that names the observation, however little is in it."""
    rows = pd.DataFrame(TABLES[modality])
    seen = Observation(Question(modality, WINDOW), Answered("a digest", rows), "s", WINDOW.end)
    told = json.loads(shown(seen), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert told["observation"] == seen.id
    assert told["rows_in_all"] == len(rows)


@pytest.mark.parametrize("modality", list(Modality))
def test_a_large_table_stays_short(modality: Modality) -> None:
    """Ten thousand rows of long text are shown within the limit."""
    long: dict[str, Any] = {
        name: [f"{cell}{'x' * 500}" if isinstance(cell, str) else cell for cell in column[:1]] * 10_000
        for name, column in TABLES[modality].items()
    }
    seen = Observation(Question(modality, WINDOW), Answered("d" * 10_000, pd.DataFrame(long)), "s", WINDOW.end)
    assert len(shown(seen)) <= LIMIT


def test_silence_and_failure_are_told_apart() -> None:
    """A silent reply says what was searched, a failed one why it could not look; neither has rows."""
    question = Question(Modality.LOGS, WINDOW)
    silent = json.loads(shown(Observation(question, Silent("cart's logs"), "loki", WINDOW.end)))
    failed = json.loads(shown(Observation(question, Failed("401"), "loki", WINDOW.end)))
    assert (silent["silent"], "rows" in silent) == ("cart's logs", False)
    assert (failed["failed"], "rows" in failed) == ("401", False)


def test_errors_stand_before_the_commonest_chatter() -> None:
    """One error line is shown although a thousand info lines are more frequent."""
    chatter = [(TIME, "cart", "info", f"request {n % 30} served", "") for n in range(1000)]
    rows = pd.DataFrame(
        [*chatter, (TIME, "cart", "ERROR", "pool exhausted", "")],
        columns=["time", "entity", "severity", "message", "trace_id"],
    )
    seen = Observation(Question(Modality.LOGS, WINDOW), Answered("", rows), "s", WINDOW.end)
    assert json.loads(shown(seen))["rows"][0]["message"] == "pool exhausted"


def test_no_character_that_a_reader_cannot_see_survives() -> None:
    """Of any text at random over all of Unicode, only visible characters, line breaks and tabs are left."""
    import unicodedata

    chance = random.Random(1)
    for _ in range(300):
        text = "".join(chr(chance.randrange(0x110000)) for _ in range(60))
        left = [letter for letter in quoted(text, 100) if letter not in "\n\t"]
        assert not [letter for letter in left if unicodedata.category(letter) in HIDDEN]


def test_visible_text_of_any_script_is_left_as_it_is() -> None:
    """Cleaning takes nothing from text that people read."""
    for text in ("Zahlung läuft über Zeit", "支払いがタイムアウト", "оплата\tне прошла\n", "💥 p99 > 2 s", "e\u0301"):
        assert quoted(text, 100) == text


def test_a_cut_says_how_much_is_missing() -> None:
    """Text over the limit ends in how many characters were left out."""
    assert quoted("x" * 1000, 10) == "x" * 10 + "… (990 more)"


def test_the_prompt_has_a_version_and_tells_data_from_instructions() -> None:
    """The prompt's header gives a version that is not part of the text, and the text says what is data."""
    text, version = prompt("investigate")
    assert version >= 1
    assert not text.startswith("---")
    assert re.search(r"is data", text)


def test_every_price_orders_as_the_provider_prices() -> None:
    """Reading a cached token is cheaper than sending it, sending cheaper than generating, for every model."""
    for price in PRICES.values():
        assert 0 < price.cache_read < price.input < price.output


def test_a_long_prompt_is_reserved_at_the_price_of_long_prompts() -> None:
    """A model with two price bands is held at the dear one as soon as the prompt is over its threshold."""
    price = price_of("claude-haiku-5-5")
    assert price.most(100_001, 0) == pytest.approx(5 * price.most(100_000, 0), rel=1e-4)
    assert price_of("claude-opus-5-5").most(100_001, 0) == pytest.approx(0.5, rel=1e-4)
