"""How an incident becomes a recorded case: wrap the sources, ask, save.

    recording = Recording()
    sources = {modality: recording.around(source) for modality, source in live.items()}
    ...                                        # an investigation, or `recording.ask_all(sources, window)`
    recording.save(folder, about)              # parquet and case.json, as docs/cases.md describes them

Data is recorded, not calls: the tables of a window, so that a question put otherwise still finds its answer.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ontology.errors import BadInput, NotAllowed
from ontology.nouns import Window, utc
from workbench.nouns import Answered, Failed, Modality, Observation, Question
from workbench.ports import Source
from workbench.telemetry.layouts import COLUMNS, clock_of

NEEDED = ("case_id", "dataset", "system", "summary", "alert", "window_normal", "window_abnormal", "environment")
"""What the caller says of the case; the files and their rows are added here."""
ORDER = ("entity", "service", "metric", "trace_id", "time", "start")
"""Rows are kept in this order: equal values side by side compress best."""


@dataclass(slots=True)
class Recording:
    """What was answered while it ran; a failed source leaves no file, a silent one leaves an empty one."""

    parts: dict[Modality, list[pd.DataFrame]] = field(default_factory=dict)

    def around(self, source: Source) -> Source:
        """Return the source, its answers kept."""
        return _Kept(source, self)

    def ask_all(self, sources: Mapping[Modality, Source], window: Window) -> tuple[Observation, ...]:
        """Ask each source for everything it has in the window, and return what they said."""
        return tuple(source.ask(Question(modality, window)) for modality, source in sources.items())

    def keep(self, observation: Observation) -> None:
        """Keep the rows of an observation."""
        if isinstance(observation.reply, Failed):
            return
        modality = observation.question.modality
        empty = pd.DataFrame(columns=list(COLUMNS[modality]))
        reply = observation.reply
        self.parts.setdefault(modality, []).append(reply.table if isinstance(reply, Answered) else empty)

    def save(self, folder: Path, about: Mapping[str, Any]) -> Path:
        """Write the tables and case.json into the folder and return the path of case.json.

        Args:
            folder: made if it is not there.
            about: what case.json says besides its files; the keys of `NEEDED`, and any others.

        Raises:
            BadInput: `about` lacks a key.
            NotAllowed: the folder cannot be written.
        """
        missing = [name for name in NEEDED if name not in about]
        if missing:
            raise BadInput(f"The case lacks {', '.join(missing)}.", next_step="docs/cases.md lists what it needs.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files = {modality.value: self._write(folder, modality) for modality in Modality if modality in self.parts}
            text = json.dumps({**about, "files": files}, indent=1, default=str, ensure_ascii=False)
            return _replace(folder / "case.json", text.encode())
        except PermissionError as error:
            raise NotAllowed(
                f"{folder} cannot be written: {error.strerror}.", next_step="Name a folder that you may write to."
            ) from error

    def _write(self, folder: Path, modality: Modality) -> tuple[str, int]:
        rows = pd.concat(self.parts[modality], ignore_index=True)[list(COLUMNS[modality])].drop_duplicates()
        return write_table(rows, folder / f"{modality.value}.parquet", modality)


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
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=19, use_dictionary=True)
    _replace(path, sink.getvalue().to_pybytes())
    return path.name, len(rows)


def _replace(path: Path, content: bytes) -> Path:
    """Write by temp file, fsync and rename: a reader sees the old file or the new one, never half of one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        return Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class _Kept:
    source: Source
    recording: Recording

    @property
    def name(self) -> str:
        return self.source.name

    def ask(self, question: Question) -> Observation:
        observation = self.source.ask(question)
        self.recording.keep(observation)
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
