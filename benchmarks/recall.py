"""How fast is recall: made-up episodes, each like an incident of one of many estates of services.

python benchmarks/recall.py [EPISODES] [RECALLS]

Prints how long it takes to read and index them, the median and the 95th percentile of a recall, and how long it takes
to embed 1,000 texts. The embedding model is WordLlama's l2_supercat (16 MB, MIT licence), which ships in its package.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from memory.episodes import EpisodeStore
from memory.meaning import embedded
from memory.protocol import Episode, Symptom, Verdict
from ontology.iris import service
from ontology.nouns import Alert, Entity, Window

SERVICES = [f"service-{number}" for number in range(200)]
SIGNALS = [f"signal_{number}" for number in range(60)]
START = datetime(2026, 1, 1, tzinfo=UTC)


def made(number: int, chance: random.Random) -> Episode:
    """Return one closed incident: an alert, a cause, and some fifty symptoms."""
    fired = START + timedelta(minutes=number)
    cause, *others = (Entity(service(name), "Service", name) for name in chance.sample(SERVICES, 6))
    title = f"Alert{chance.randrange(40)}"
    summary = f"{others[0].name} is slow for its callers, case {number}"
    alert = Alert(f"a-{number}", title, Window(fired, fired), summary=summary, labels={"alertname": title})
    told = [(each.name, chance.choice(SIGNALS)) for each in (cause, *others) for _ in range(8)]
    symptoms = tuple(Symptom(entity, signal, chance.choice(("up", "down"))) for entity, signal in dict.fromkeys(told))
    entities, verdict = (cause, *others), Verdict.CONFIRMED
    return Episode(f"case-{number}", alert, entities, cause, "unknown", verdict, fired, symptoms=symptoms)


def main(episodes: int, recalls: int) -> None:
    """Print the figures."""
    chance = random.Random(7)  # noqa: S311  # made-up episodes, no secrets
    with tempfile.TemporaryDirectory() as folder:
        store = EpisodeStore(Path(folder))
        known = [made(number, chance) for number in range(episodes)]
        for each in known:
            store.remember(each)
        began = time.perf_counter()
        store.recall(known[0].alert, known[0].entities, known[0].symptoms)
        print(f"{episodes} episodes: read and indexed in {time.perf_counter() - began:.1f} s")  # noqa: T201  # a benchmark speaks to its reader
        took = sorted(_recalled(store, chance.choice(known), chance) for _ in range(recalls))
        middle, late = took[len(took) // 2], took[int(len(took) * 0.95)]
        print(f"recall: median {middle * 1000:.0f} ms, p95 {late * 1000:.0f} ms")  # noqa: T201  # a benchmark speaks to its reader
    began = time.perf_counter()
    embedded([f"{each.alert.title}. {each.alert.summary}" for each in known[:1000]])
    print(f"{min(1000, episodes)} texts embedded in {time.perf_counter() - began:.2f} s")  # noqa: T201  # a benchmark speaks to its reader


def _recalled(store: EpisodeStore, like: Episode, chance: random.Random) -> float:
    alert = Alert("now", like.alert.title, like.alert.window, summary=like.alert.summary, labels=like.alert.labels)
    some = chance.sample(like.symptoms, max(1, len(like.symptoms) * 3 // 4))
    began = time.perf_counter()
    store.recall(alert, like.entities, some)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*(int(word) for word in (sys.argv[1:] + ["10000", "100"][len(sys.argv) - 1 :])))
