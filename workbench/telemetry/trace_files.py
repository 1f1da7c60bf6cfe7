"""Trace files: spans in the OTLP JSON encoding, as the OpenTelemetry Collector's file exporter writes them.

    TraceFiles(("/var/lib/otel/traces*.json",)).ask(Question(Modality.TRACES, window, about=(payment,)))

A file holds one document a line, or one document. `what`, where given, is the name of an operation.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from ontology.errors import NotFound, Unavailable
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.live_source import LiveSource, Row, parsed, replied, windows
from workbench.telemetry.log_files import MOST_BYTES, MOST_FILES, files_of, lines_of
from workbench.telemetry.tempo import otlp_spans


class TraceFiles(LiveSource):
    """Answers questions on traces from files of this machine."""

    name = "trace files"
    modality: ClassVar[Modality] = Modality.TRACES

    def __init__(self, patterns: Sequence[str]) -> None:
        """Bind to files; nothing is read before the first question.

        Args:
            patterns: paths, with `*` and `**`.
        """
        self._patterns = patterns

    def reply(self, question: Question) -> Reply:
        """Return the spans of window and baseline."""
        every = {path for pattern in self._patterns for path in files_of(pattern)}
        if not every:
            what = ", ".join(self._patterns)
            raise NotFound(f"No file is called like {what}.", next_step="Correct trace_files in the settings.")
        since = min(each.start for each in windows(question)).timestamp()
        late = sorted(path for path in every if path.stat().st_mtime >= since)
        rows, remarks = list[Row](), list[str]()
        for path in late[:MOST_FILES]:
            try:
                lines, cut = lines_of(path)
                rows += parsed(self.name, _spans(lines))
            except (Unavailable, OSError, EOFError, zlib.error) as error:
                remarks.append(f"{path} cannot be read ({error}).")
                continue
            remarks += [f"Of {path} only the last {MOST_BYTES >> 20} MiB were read."] if cut else []
        if remarks and not rows:
            raise Unavailable(" ".join(remarks), next_step="Let the collector write OTLP as JSON, a document a line.")
        remarks += [f"Only {MOST_FILES} of {len(late)} files were read."] if len(late) > MOST_FILES else []
        meant = [row for row in rows if question.what in ("", row[4])]
        query = "\n".join(map(str, late[:MOST_FILES]))
        return replied(meant, question, searched=", ".join(self._patterns), query=query, remark=" ".join(remarks))


def _spans(lines: list[str]) -> Iterator[Row]:
    """Yield the spans of the documents; the last line may be half written, another that is no document is an error.

    Raises:
        ValueError: a line is no document of spans.
    """
    documents = _documents(lines)
    for document in documents:
        if not isinstance(document, dict) or not isinstance(document.get("resourceSpans"), list):
            raise ValueError("a document without resourceSpans")
        yield from otlp_spans(document)


def _documents(lines: list[str]) -> Iterator[Any]:
    if lines and lines[0].strip() in ("{", "["):  # one document, written over many lines
        whole = json.loads("\n".join(lines))
        yield from whole if isinstance(whole, list) else [whole]
        return
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError:
            if place < len(lines) or place == 1:
                raise
