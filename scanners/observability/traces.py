"""Traces: which service was seen to call which, by which operations, what they use, and where they run.

Reads a span table (parquet, columns as a `traces` question answers them), OTLP JSON or Jaeger's JSON, one object or one
a line. What the spans mean stands in `span_facts`; the scope binding says whose environment an attribute names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ontology.errors import BadInput, NotFound
from ontology.nouns import Fact, Layer
from scanners import bounded
from scanners.binding import Binding
from scanners.ledger import Ledger
from scanners.observability.span_facts import write_spans
from scanners.observability.span_files import ATTRIBUTES, COLUMNS, bodies, spans
from scanners.origin import scope_of
from scanners.protocol import Now, Reading, Redact, Scan, clock, run
from scanners.secrecy import without_secrets

if TYPE_CHECKING:
    import pandas as pd

SIZE = 256 * 1024 * 1024
"""Bytes a trace file may have."""


@dataclass(frozen=True, slots=True)
class TracesScanner:
    """Reads a folder with `traces.parquet`, a parquet file, a JSON file of spans, or a table already in memory."""

    target: Path | pd.DataFrame
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    binding: Binding = field(default_factory=Binding, kw_only=True)
    name: str = "traces"
    layer: Layer = Layer.RUNNING

    @property
    def scope(self) -> str:
        """The last two parts of the path; `table` for a table."""
        return scope_of(self.target) if isinstance(self.target, Path) else "table"

    def read(self) -> Reading[pd.DataFrame]:
        """Read the spans: one row a span, `COLUMNS` at least, and those of `ATTRIBUTES` that are known.

        Raises:
            NotFound, NotAllowed: no such file, or it may not be read.
            BadInput: it is no span table.
        """
        table = self.target if not isinstance(self.target, Path) else _table(self.target)
        missing = [name for name in COLUMNS if name not in table.columns]
        if missing:
            raise BadInput(
                f"The span table lacks {', '.join(missing)}.", next_step=f"Give it the columns {', '.join(COLUMNS)}."
            )
        known = [name for name in ATTRIBUTES if name in table.columns]
        return Reading(table[[*COLUMNS, *known]], self.now())

    def facts(self, reading: Reading[pd.DataFrame]) -> tuple[Fact, ...]:
        """Say which services and operations were seen, and who called whom."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        write_spans(ledger, reading.raw, lambda said, cluster: bound(self.binding, self.environment, said, cluster))
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)


def bound(binding: Binding, environment: str, said: str, cluster: str) -> str:
    """Return the environment that the attributes of a span are bound to; where they are not, that of the scan.

    >>> bound(Binding({"traces:deployment.environment.name=prod": "prod-eu1"}), "lab", "prod", "")
    'prod-eu1'
    """
    pairs = (("k8s.cluster.name", cluster), ("deployment.environment.name", said))
    names = [name for key, value in pairs if value for name in (f"{key}={value}", value)]
    return binding.environment("traces", *names, other=environment)


def _table(target: Path) -> pd.DataFrame:
    """Return the span table of a file or folder."""
    import pandas as pd

    path = bounded.folder(target)
    if path.is_dir():
        path = path / "traces.parquet"
    if not path.is_file():
        raise NotFound(
            f"There is no traces.parquet in {target}.", next_step="Name the file of spans itself: parquet or JSON."
        )
    if path.stat().st_size > SIZE:
        raise BadInput(f"{path.name} is larger than {SIZE >> 20} MB.", next_step="Scan a shorter time.")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        found = [span for body in bodies(path.read_text()) for span in spans(body)]
        return pd.DataFrame(found, columns=[*COLUMNS, *ATTRIBUTES])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BadInput(
            f"{path.name} is no span table: {reason}.", next_step="Give it as parquet, OTLP JSON or Jaeger's JSON."
        ) from error
