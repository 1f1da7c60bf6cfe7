"""Speed of redaction: lines a second on one core, of ordinary lines and of lines that hold a secret.

    nice python benchmarks/redaction.py [file of log lines]

Without a file, the forms of tests/telemetry/benign.log are taken as they stand. Counted in processor time, the best of
five passes, since other work on the machine says nothing of ours.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workbench.telemetry.redact import Redactor

FORMS = Path(__file__).parents[1] / "tests" / "telemetry" / "benign.log"
LINES = 20_000
WANTED = 20_000
"""Lines a second that issue and docs promise."""


def rate(lines: Sequence[str]) -> float:
    """Return how many lines a second of processor time are redacted, the best of five passes."""
    redactor = Redactor(b"benchmark")
    return max(len(lines) / _seconds(redactor, lines) for _ in range(5))


def _seconds(redactor: Redactor, lines: Sequence[str]) -> float:
    began = time.process_time()
    for line in lines:
        redactor.text(line)
    return time.process_time() - began


def main() -> None:
    """Print both rates."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else FORMS
    forms = source.read_text(errors="replace").splitlines()
    plain = [f"{forms[n % len(forms)]} n={n}" for n in range(LINES)]
    secret = [f"{each} password=hunter{n}" if n % 10 == 0 else each for n, each in enumerate(plain)]
    for name, lines in (("no secret", plain), ("a secret in each tenth", secret)):
        found = rate(lines)
        print(f"{name}: {found:,.0f} lines a second ({found / WANTED:.1f} times what is wanted)")  # noqa: T201  # its result


if __name__ == "__main__":
    main()
