"""Whether a recording answers as its live sources do: ten questions that nobody asked while recording, put to both.

    questions = ten(load_case(folder), seed=1)
    assert not differences(live, recorded_sources(folder), questions)

The questions differ in window, filter and aggregation from those of `Recording.ask_all`; names, labels and texts are
taken from what was recorded, so that they fit any system.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle, islice

import numpy as np
import pandas as pd

from ontology.errors import NotFound
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Modality, Question
from workbench.ports import Source
from workbench.telemetry.cases import RecordedCase
from workbench.telemetry.layouts import COLUMNS, clock_of
from workbench.telemetry.prometheus import LABELS
from workbench.telemetry.recorded_metrics import held_of
from workbench.telemetry.series import NAME, Series

CLOSE = 1e-6
"""Numbers may differ by this share of the largest of their series: what `series.parquet` leaves out, and rounding."""


def ten(case: RecordedCase, seed: int, count: int = 10) -> tuple[Question, ...]:
    """Return questions on all that was recorded: PromQL, texts, operations, entities, windows of many lengths."""
    chance = random.Random(seed)  # noqa: S311  # which questions: no secret
    kinds = [_promql, _promql, _catalogue, _texts, _operations, _promql, _of_one, _promql, _changes, _promql]
    asked = (kind(case, chance) for kind in cycle(kinds))
    return tuple(islice((each for each in asked if each is not None), count))


def _window(case: RecordedCase, chance: random.Random) -> Window:
    """Return a part of the recorded time, of whole seconds."""
    whole = Window((case.window_normal or case.window_abnormal).start, case.window_abnormal.end)
    length = chance.uniform(0.15, 0.6) * whole.seconds
    start = whole.start + timedelta(seconds=round(chance.uniform(0.0, whole.seconds - length)))
    return Window(start, start + timedelta(seconds=round(length)))


def _promql(case: RecordedCase, chance: random.Random) -> Question | None:
    if "series" not in case.payload.get("files", {}):
        return None
    series = held_of(case).series
    return Question(Modality.METRICS, _window(case, chance), what=promql(series, chance))


def promql(series: Sequence[Series], chance: random.Random) -> str:
    """Return a query that makes sense of one of the metrics: of a histogram, a counter, a gauge."""
    one = chance.choice([each for each in series if each.name != "up"] or list(series))
    selector, span = _selector(one, chance), f"{chance.choice((20, 30, 45, 60, 90))}s"
    owner = next((label for label in LABELS if one.labels.get(label)), "job")
    if one.name.endswith("_bucket"):
        inner = f"sum by (le, {owner}) (rate({selector}[{span}]))"
        return f"histogram_quantile({chance.choice((0.5, 0.75, 0.9, 0.95, 0.99))}, {inner})"
    counts = one.name.endswith(("_total", "_count", "_sum"))
    if counts:
        over = chance.choice(("rate", "increase", "irate"))
        base = f"{over}({selector}[{span}])"
    else:
        over = chance.choice(("avg", "max", "min", "sum", "count", "stddev", "last"))
        base = chance.choice((selector, f"{over}_over_time({selector}[{span}])", f"deriv({selector}[{span}])"))
    whole = f"{over}_over_time({one.name}[{span}])" if not counts else f"rate({one.name}[{span}])"
    shapes = (
        base,
        f"{base} offset 30s" if base == selector else base.replace("s])", "s] offset 30s)"),
        f"sum by ({owner}) ({base})",
        f"max({base})",
        f"avg without (instance) ({base})",
        f"sum({base}) / count({base})",
        f"100 * {base} - 1",
        f"count by ({owner}) ({base} > 0)",
        f"quantile(0.5, {base})",
        f"sum(topk(2, sum by ({owner}) ({base})))",  # of equals, which are kept is not specified
        f"sum by ({owner}) ({base}) or sum by ({owner}) (up)",
        f"{base} and on ({owner}) up == 1",
        f"{base} unless on ({owner}) up == 0",
        f"sum by ({owner}) ({base}) / on ({owner}) sum by ({owner}) ({whole})",
        f"{base} / on ({owner}) group_left sum by ({owner}) ({whole})",
        f"{base} > bool ignoring (instance) {base}",
        f"clamp_max(abs({base}), 10)",
    )
    return chance.choice(shapes)


def _selector(one: Series, chance: random.Random) -> str:
    """Return a selector that fits the series, by none or one of its labels."""
    labels = [name for name in one.labels if name not in (NAME, "le", "instance")]
    if not labels or chance.random() < 0.4:
        return one.name
    name = chance.choice(labels)
    sign = chance.choice(("=", "!=", "=~", "!~"))
    value = re.escape(one.labels[name]) if sign.endswith("~") else one.labels[name]
    return f"{one.name}{{{name}{sign}{json.dumps(value)}}}"


def _catalogue(case: RecordedCase, chance: random.Random) -> Question | None:
    """Return a question on all that is usual of one service, compared with a time before."""
    if Modality.METRICS not in case.recorded:
        return None
    names = sorted(set(case.table(Modality.METRICS)["entity"]) - {""})
    window = _window(case, chance)
    before = Window(window.start - timedelta(seconds=40), window.start - timedelta(seconds=10))
    about = _entities(case, names, chance)
    return Question(Modality.METRICS, window, about, baseline=before) if about else None


def _entities(case: RecordedCase, names: Sequence[str], chance: random.Random) -> tuple[Entity, ...]:
    return tuple(case.entity(each) for each in sorted(chance.sample(names, min(len(names), chance.choice((1, 1, 2))))))


def _texts(case: RecordedCase, chance: random.Random) -> Question | None:
    """Return a question for the lines that hold a word of one of them."""
    if Modality.LOGS not in case.recorded or case.table(Modality.LOGS).empty:
        return None
    line = chance.choice(case.table(Modality.LOGS)["message"].tolist())
    words = re.findall(r"[A-Za-z]{4,}", line) or [line[:20]]
    return Question(Modality.LOGS, _window(case, chance), what=chance.choice(words).upper())


def _operations(case: RecordedCase, chance: random.Random) -> Question | None:
    """Return a question for the spans of an operation."""
    if Modality.TRACES not in case.recorded or case.table(Modality.TRACES).empty:
        return None
    operation = chance.choice(sorted(set(case.table(Modality.TRACES)["operation"])))
    return Question(Modality.TRACES, _window(case, chance), what=operation)


def _of_one(case: RecordedCase, chance: random.Random) -> Question | None:
    """Return a question on the traces, logs or states of some services, compared with a time before."""
    kinds = [each for each in case.recorded if each in (Modality.TRACES, Modality.LOGS, Modality.STATE)]
    if not kinds:
        return None
    modality = chance.choice(kinds)
    owner = "service" if modality is Modality.TRACES else "entity"
    names = sorted(set(case.table(modality)[owner]) - {""})
    window = _window(case, chance)
    before = Window(window.start - timedelta(seconds=60), window.start)
    return Question(modality, window, _known(case, modality, names, chance), baseline=before)


def _known(case: RecordedCase, modality: Modality, names: Sequence[str], chance: random.Random) -> tuple[Entity, ...]:
    """Return some entities that were asked about by name while recording, where that matters."""
    asked = case.payload.get("recorded", {}).get(modality.value, {}).get("asked", ())
    told = {name for each in asked for name in each["about"]}
    usable = [name for name in names if name in told] if modality in (Modality.STATE, Modality.CHANGES) else list(names)
    return _entities(case, usable, chance)


def _changes(case: RecordedCase, chance: random.Random) -> Question | None:
    if Modality.CHANGES not in case.recorded:
        return None
    names = sorted(set(case.table(Modality.CHANGES)["entity"]) - {""})
    about = _known(case, Modality.CHANGES, names, chance) if chance.random() < 0.7 else ()
    return Question(Modality.CHANGES, _window(case, chance), about)


# -- comparison ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A question that the two answer differently."""

    question: Question
    why: str


def differences(
    live: Mapping[Modality, Source], recorded: Mapping[Modality, Source], questions: Sequence[Question]
) -> list[Difference]:
    """Return the questions whose answers differ: in the kind of answer, in rows, or in numbers beyond `CLOSE`."""
    return [Difference(each, why) for each in questions if (why := difference(live, recorded, each))]


def difference(live: Mapping[Modality, Source], recorded: Mapping[Modality, Source], question: Question) -> str:
    """Return how two answers differ; empty where they do not.

    Raises:
        NotFound: there is no such live source.
    """
    if question.modality not in live:
        raise NotFound(f"There is no live source of {question.modality}.", next_step="Set one up.")
    one, other = live[question.modality].ask(question).reply, recorded[question.modality].ask(question).reply
    if type(one) is not type(other):
        return f"live {type(one).__name__} ({_said(one)}), recorded {type(other).__name__} ({_said(other)})"
    if not isinstance(one, Answered) or not isinstance(other, Answered):
        return ""
    return "; ".join(_apart(_sorted(one.table, question.modality), _sorted(other.table, question.modality)))


def _said(reply: object) -> str:
    words = (str(getattr(reply, name, "")) for name in ("reason", "searched", "digest"))
    return next((each for each in words if each), "")[:160]


def _sorted(table: pd.DataFrame, modality: Modality) -> pd.DataFrame:
    """Return the rows in an order of their own: where two are of one moment, sources differ."""
    keys = [name for name in COLUMNS[modality] if table[name].dtype.kind != "f"]
    return table.sort_values([*keys, *(set(table.columns) - set(keys))], kind="stable").reset_index(drop=True)


def _apart(one: pd.DataFrame, other: pd.DataFrame) -> Iterator[str]:
    if len(one) != len(other):
        clock = clock_of(one)
        gone = set(map(str, one[clock])) ^ set(map(str, other[clock]))
        yield f"{len(one)} rows live, {len(other)} recorded; of one only: {sorted(gone)[:3]}"
        return
    for name in one.columns:
        left, right = one[name], other[name]
        if left.dtype.kind == "f":
            near = CLOSE * max(float(np.abs(left[np.isfinite(left)]).max()), 1e-12) if np.isfinite(left).any() else 0.0
            apart = ~np.isclose(
                left.to_numpy(dtype=float), right.to_numpy(dtype=float), rtol=CLOSE, atol=near, equal_nan=True
            )
        else:
            apart = (left.astype(str) != right.astype(str)).to_numpy()
        if apart.any():
            row = int(np.flatnonzero(apart)[0])
            yield f"{int(apart.sum())} of {len(one)} differ in {name}: {left.iloc[row]!r}, {right.iloc[row]!r}"
