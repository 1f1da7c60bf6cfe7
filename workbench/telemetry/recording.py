"""How an incident becomes a recorded case: wrap the sources, ask, save.

    recording = Recording()
    sources = {modality: recording.around(source) for modality, source in live.items()}
    recording.ask_all(sources, window, about)  # everything there is; or an investigation, which keeps what it asks
    recording.save(folder, case_about(...), graph=store)   # parquet, graph.nq.gz and case.json: docs/cases.md

Data is recorded, not calls: the tables of a window, and the raw series of a Prometheus, so that a question put
otherwise still finds its answer. What case.json says under `recorded` tells what was asked for: the rest is unknown.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from ontology.errors import BadInput, NotAllowed
from ontology.nouns import Entity, Window, utc
from workbench.nouns import Answered, Failed, Modality, Observation, Question
from workbench.ports import Source
from workbench.telemetry import series as raw
from workbench.telemetry.layouts import COLUMNS, clock_of
from workbench.telemetry.prometheus_scrapes import Target
from workbench.telemetry.redact import process_redactor

NEEDED = ("case_id", "dataset", "system", "summary", "alert", "window_normal", "window_abnormal", "environment")
"""What the caller says of the case; the files and their rows are added here."""
ORDER = ("entity", "service", "metric", "trace_id", "time", "start")
"""Rows are kept in this order: equal values side by side compress best."""
NAMED = (Modality.CHANGES, Modality.STATE)
"""Kinds whose sources may tell a thing of another entity when they are asked about some by name."""


@runtime_checkable
class HasSeries(Protocol):
    """A source that can give its series as they were scraped."""

    @property
    def step(self) -> float:
        """Seconds between the points of its answers."""
        ...

    def series(self, window: Window, matching: str = "") -> Iterator[raw.Series]:
        """Yield every series of a window."""
        ...

    def targets(self) -> tuple[Target, ...]:
        """Return what it scrapes and how often: the range of its rates follows that."""
        ...


class Graph(Protocol):
    """What holds the infrastructure graph."""

    def dump(self, path: Path) -> Path:
        """Write it as N-Quads; `.gz` compresses."""
        ...


@dataclass(slots=True)
class Recording:
    """What was answered while it ran; a failed source leaves no file, a silent one leaves an empty one."""

    kept: list[tuple[Observation, Source]] = field(default_factory=list)
    series: dict[tuple[tuple[str, str], ...], raw.Series] = field(default_factory=dict)
    series_of: tuple[Window, str, float] | None = None
    """Window, further matchers and step of the raw series."""
    targets: tuple[Target, ...] = ()

    def around(self, source: Source) -> Source:
        """Return the source, its answers kept."""
        return _Kept(source, self)

    def ask_all(
        self, sources: Mapping[Modality, Source], window: Window, about: Sequence[Entity] = (), *, matching: str = ""
    ) -> tuple[Observation, ...]:
        """Ask each source for everything it has in the window, and return what they said.

        Args:
            sources: wrapped by `around`.
            window: all that a later question may look at.
            about: the entities of the estate. Changes and states are asked for about them too: whom git or a cluster
                tells a thing of can depend on who is asked about.
            matching: PromQL matchers that the raw series must fit besides, such as `job!="prometheus"`.
        """
        said = []
        for modality, source in sources.items():
            said.append(source.ask(Question(modality, window)))
            if about and modality in NAMED:
                said.append(source.ask(Question(modality, window, tuple(about))))
            inner = source.source if isinstance(source, _Kept) else source
            if isinstance(inner, HasSeries):
                self.keep_series(inner, window, matching)
        return tuple(said)

    def keep_series(self, source: HasSeries, window: Window, matching: str = "") -> int:
        """Keep the raw series of a window, and return how many there are.

        Raises:
            Unavailable: the source does not answer, or has too much.
        """
        found = {tuple(sorted(each.labels.items())): each for each in source.series(window, matching)}
        self.series, self.series_of = found, (window, matching, source.step)
        self.targets = source.targets()
        return len(found)

    def keep(self, observation: Observation, source: Source) -> None:
        """Keep the rows of an observation."""
        if not isinstance(observation.reply, Failed):
            self.kept.append((observation, source))

    def save(self, folder: Path, about: Mapping[str, Any], graph: Graph | None = None) -> Path:
        """Write the tables, the graph and case.json into the folder and return the path of case.json.

        Args:
            folder: made if it is not there.
            about: what case.json says besides its files; the keys of `NEEDED`, and any others.
            graph: the infrastructure at that time, such as a `GraphStore`; written as graph.nq.gz.

        Raises:
            BadInput: `about` lacks a key.
            NotAllowed: the folder cannot be written.
        """
        missing = [name for name in NEEDED if name not in about]
        if missing:
            raise BadInput(f"The case lacks {', '.join(missing)}.", next_step="docs/cases.md lists what it needs.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files = {name: each for modality in Modality for name, each in self._tables(folder, modality)}
            if self.series_of is not None:
                files["series"] = self._series(folder / "series.parquet")
            if graph is not None:
                _replaced(folder / "graph.nq.gz", graph.dump)
            said = {**about, "files": files, "recorded": self._recorded()}
            text = json.dumps(said, indent=1, default=str, ensure_ascii=False)
            return _replace(folder / "case.json", text.encode())
        except PermissionError as error:
            raise NotAllowed(
                f"{folder} cannot be written: {error.strerror}.", next_step="Name a folder that you may write to."
            ) from error

    def _tables(self, folder: Path, modality: Modality) -> Iterator[tuple[str, tuple[str, int]]]:
        """Yield each table of a kind, written: that of everything, and what was told of entities by their names."""
        kept = [each for each, _ in self.kept if each.question.modality is modality]
        named = [each for each in kept if modality in NAMED and each.question.about]
        general = [each for each in kept if each not in named]
        if kept:
            name = modality.value
            yield name, write_table(_rows(general or named, modality), folder / f"{name}.parquet", modality)
        if named and general:
            name = f"{modality.value}_about"
            yield name, write_table(_rows(named, modality), folder / f"{name}.parquet", modality)

    def _series(self, path: Path) -> tuple[str, int]:
        redactor = process_redactor()
        clean = [
            raw.Series({key: redactor.text(value) for key, value in each.labels.items()}, each.times, each.values)
            for each in self.series.values()
        ]
        counted: list[int] = []
        _replaced(path, lambda temporary: counted.append(raw.write(clean, temporary)))
        return path.name, counted[0]

    def _recorded(self) -> dict[str, Any]:
        """Return, for each kind, which source it was, and what it was asked for."""
        said: dict[str, Any] = {}
        for observation, source in self.kept:
            part = said.setdefault(observation.question.modality.value, {"source": source.name, "asked": []})
            asked = _asked(observation.question)
            if asked not in part["asked"]:
                part["asked"].append(asked)
            if not (asked["about"] or asked["what"]) and isinstance(observation.reply, Answered):
                part["query"] = observation.reply.query
        if self.series_of is not None:
            window, matching, step = self.series_of
            scraped = [{"labels": dict(each.labels), "seconds": each.seconds} for each in self.targets]
            said["series"] = {"window": _span(window), "matching": matching, "step": step, "targets": scraped}
        return said


def _asked(question: Question) -> dict[str, Any]:
    spans = [each for each in (question.baseline, question.window) if each is not None]
    return {
        "windows": [_span(each) for each in spans],
        "about": sorted(each.name for each in question.about),
        "what": question.what,
    }


def _span(window: Window) -> list[str]:
    return [utc(at).isoformat() for at in (window.start, window.end)]


def _rows(kept: Sequence[Observation], modality: Modality) -> pd.DataFrame:
    """Return the rows of some observations, those that two of them told once; a line that one tells twice stays so."""
    empty = pd.DataFrame(columns=list(COLUMNS[modality]))
    tables = [each.reply.table[list(COLUMNS[modality])] for each in kept if isinstance(each.reply, Answered)]
    counted = [each.assign(again=each.groupby(list(each.columns), dropna=False).cumcount()) for each in tables]
    return pd.concat(counted, ignore_index=True).drop_duplicates().drop(columns="again") if counted else empty


def write_table(rows: pd.DataFrame, path: Path, modality: Modality) -> tuple[str, int]:
    """Write a small parquet file (zstd, dictionaries, float32 for measurements) and return its name and rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = rows.sort_values([name for name in ORDER if name in rows.columns], kind="stable")
    clock = clock_of(rows)
    rows = rows.assign(**{clock: pd.to_datetime(rows[clock], utc=True).dt.as_unit("us")})
    if modality is Modality.METRICS:
        rows = rows.assign(value=rows["value"].astype("float32"))  # seven digits: no measurement here carries more
    if modality is Modality.TRACES:
        rows = rows.assign(duration_ms=rows["duration_ms"].astype("float32"))
    table = pa.Table.from_pandas(rows, preserve_index=False)
    _replaced(path, lambda temporary: pq.write_table(table, temporary, compression="zstd", compression_level=19))
    return path.name, len(rows)


def _replace(path: Path, content: bytes) -> Path:
    return _replaced(path, lambda temporary: temporary.write_bytes(content))


def _replaced(path: Path, write: Callable[[Path], object]) -> Path:
    """Write by temp file, fsync and rename: a reader sees the old file or the new one, never half of one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=f".{path.name}")
    temporary = Path(name)
    try:
        write(temporary)
        os.fsync(handle)
        temporary.chmod(0o644)
        return temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class _Kept:
    source: Source
    recording: Recording

    @property
    def name(self) -> str:
        return self.source.name

    def ask(self, question: Question) -> Observation:
        observation = self.source.ask(question)
        self.recording.keep(observation, self.source)
        return observation


def case_about(
    *, case_id: str, alert: Mapping[str, Any], normal: Window, abnormal: Window, environment: str, **more: Any
) -> dict[str, Any]:
    """Return what `Recording.save` needs to know of a case, times as ISO-8601; `more` wins over the defaults."""
    spans = {name: [f"{utc(at):%Y-%m-%dT%H:%M:%SZ}" for at in (span.start, span.end)]
             for name, span in (("window_normal", normal), ("window_abnormal", abnormal))}  # fmt: skip
    summary = str(alert.get("annotations", {}).get("summary", ""))
    defaults = {"dataset": "incident-workbench", "system": environment, "summary": summary, "note": ""}
    return {"case_id": case_id, **defaults, "alert": dict(alert), **spans, "environment": environment, **more}
