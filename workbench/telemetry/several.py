"""Several sources of one kind of telemetry, asked as one: their tables and their words joined.

    several((LokiSource(...), ElasticsearchSource(...)))

It is `Failed` only where all of them failed; one that failed beside others is named: what is there is not the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from workbench.nouns import Answered, Failed, Modality, Observation, Question, Reply, Silent
from workbench.ports import Source
from workbench.telemetry.layouts import clock_of
from workbench.telemetry.same_change import joined


def several(sources: Sequence[Source]) -> Source:
    """Return one source that asks all of them; of a single one itself."""
    return sources[0] if len(sources) == 1 else Several(tuple(sources))


@dataclass(frozen=True, slots=True)
class Several:
    """Sources that answer the same kind of question."""

    sources: tuple[Source, ...]

    @property
    def name(self) -> str:
        """The names of all of them."""
        return ", ".join(each.name for each in self.sources)

    def ask(self, question: Question) -> Observation:
        """Ask all of them at once, and join what they say."""
        with ThreadPoolExecutor(len(self.sources)) as pool:
            replies = [each.reply for each in pool.map(lambda source: source.ask(question), self.sources)]
        names = [each.name for each in self.sources]
        return Observation(question, _joined(list(zip(names, replies, strict=True)), question), self.name, _now())


def _now() -> datetime:
    return datetime.now(UTC)


def _joined(said: list[tuple[str, Reply]], question: Question) -> Reply:
    """Return the replies as one: answered where one answered, silent where one looked, else failed."""
    answered = [(name, each) for name, each in said if isinstance(each, Answered)]
    silent = [(name, each) for name, each in said if isinstance(each, Silent)]
    failed = [f"{name} could not be asked: {each.words}." for name, each in said if isinstance(each, Failed)]
    query = "\n".join(each.query for _, each in said if each.query)
    if not answered and not silent:
        remedies = dict.fromkeys(each.remedy for _, each in said if isinstance(each, Failed) and each.remedy)
        reasons = "; ".join(f"{name}: {each.reason}" for name, each in said if isinstance(each, Failed))
        return Failed(reasons, " ".join(remedies), query=query)
    if not answered:
        return Silent("\n".join(["; ".join(each.searched for _, each in silent), *failed]), query=query)
    words = [f"{name}: {each.digest}" for name, each in answered]
    words += [f"{name} has nothing." for name, _ in silent] + failed
    link = next((each.link for _, each in answered if each.link), "")
    rows = _rows([(name, each.table) for name, each in answered], question)
    told = sum(len(each.table) for _, each in answered)
    if question.modality is Modality.CHANGES and len(rows) < told:
        words.append(f"{told} entries, {len(rows)} different: a change that several tell is counted once.")
    return Answered("\n".join(words), rows, query=query, link=link)


def _rows(told: list[tuple[str, pd.DataFrame]], question: Question) -> pd.DataFrame:
    """Return the rows of all tables, those that two sources tell alike once, in time order."""
    tables = [table for _, table in told]
    if question.modality is Modality.CHANGES:
        rows = joined(told) if len(told) > 1 else tables[0]
    elif question.modality is Modality.TRACES:
        rows = pd.concat(tables, ignore_index=True).drop_duplicates(["trace_id", "span_id"])
    else:  # a line that one source has twice stays twice
        counted = [each.assign(again=each.groupby(list(each.columns), dropna=False).cumcount()) for each in tables]
        rows = pd.concat(counted, ignore_index=True).drop_duplicates().drop(columns="again")
    return rows.sort_values(clock_of(rows), kind="stable", ignore_index=True)
