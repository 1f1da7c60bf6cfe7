"""Whatever a question holds, a source sends nothing that is not on its list, and never raises."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from ontology import iris
from ontology.nouns import Entity, Window, utc
from workbench.nouns import Answered, Failed, Question, Reply, Silent
from workbench.telemetry.pace import Limits, Pace
from workbench.telemetry.readonly import Allowed
from workbench.telemetry.readonly_kubernetes import READS
from workbench.testing.contract import TESTED, Tested
from workbench.testing.vendors import VendorServer

ASKING = [each for each in TESTED if each.asks]
"""Those that send requests; the others read files."""
FUZZED = 10_000 if os.environ.get("WORKBENCH_SOAK") == "1" else 60
"""Arguments a source: names, words, beginnings and lengths of windows, baselines."""
UNHURRIED = Limits(per_second=1e9, failures=10**9)
PIECES = (
    *("payment", "cart", "x", "é", " ", "", "\n", "\x00", "'", '"', "\\", "..", "/", "//", "?", "#", "&", "=", ";"),
    *(
        "{",
        "}",
        "(",
        ")",
        "*",
        "%2f",
        "%2e%2e",
        "../../admin",
        "/_bulk",
        "{{a}}",
        '{"script": {}}',
        '{"term": {"a": 1}}',
    ),
    *("a OR b", "http://169.254.169.254/", "@evil.example", "DELETE", "$(id)", "`id`", "|", "drop", "sum(up)", "𝒳"),
)
"""Names, wrongly placed syntax of every query language here, and what leads paths and hosts astray."""


def word(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randint(0, 4)))


def question(tested: Tested, chance: random.Random) -> Question:
    """Return a question of its modality with random names, words and windows."""
    start = utc("2026-01-31T02:00:00Z") + timedelta(minutes=chance.randint(-100_000, 120))
    window = Window(start, start + timedelta(seconds=chance.choice((0, 1, 300, 86_400))))
    about = tuple(Entity(iris.service(f"n{n}", "shop"), "Service", word(chance)) for n in range(chance.randint(0, 3)))
    before = Window(start - timedelta(hours=1), start) if chance.random() < 0.5 else None
    return Question(tested.modality, window, about, baseline=before, what=word(chance))


@pytest.mark.soak
@pytest.mark.timeout(3600)  # minutes of a core on the long run
@pytest.mark.parametrize("tested", ASKING, ids=lambda each: each.name)
def test_no_question_leads_off_the_list(tested: Tested, case_tables: dict[str, pd.DataFrame]) -> None:
    """Of random questions every request is a listed method and path, and every reply is one of the three."""
    chance = random.Random(20260131)
    with tested.double(case_tables[tested.modality]) as place:
        source: Any = tested.make(place.url, pace=Pace(place.url, UNHURRIED))
        listed: tuple[Allowed, ...] = getattr(source, "reads", READS)
        replies, arguments = list[Reply](), 0
        while arguments < FUZZED:
            asked = question(tested, chance)
            arguments += len(asked.about) + 4
            replies.append(source.ask(asked).reply)
        assert isinstance(place, VendorServer)
        sent = {(method, path) for method, path, _ in place.requests}

    assert sent, "a fuzz in which nothing is sent tells nothing"
    assert all(isinstance(each, Answered | Silent | Failed) for each in replies)
    assert not [each for each in sent if not any(allowed.fits(*each) for allowed in listed)]
