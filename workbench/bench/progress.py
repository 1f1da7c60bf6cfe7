"""What a run has done so far, a JSON line an outcome, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from ontology.errors import BadInput
from workbench.bench.gate import Validity
from workbench.bench.score import Outcome

ROOT = Path(__file__).parents[2]
CODE = ("workbench", "memory", "ontology")
"""What a result hangs on: another version of these is another run."""


def read(file: Path, reasoner: str) -> dict[Path, Outcome]:
    """Return what the file holds of this reasoner and of the code as it is now, by folder; nothing where it is new.

    Raises:
        BadInput: it is no file of a run.
    """
    if not file.exists():
        return {}
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
        own = [each for each in lines if (each["reasoner"], each["code"]) == (reasoner, version())]
        return {Path(each["folder"]): _outcome(each["outcome"]) for each in own}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file} is no file of a run: {error}.", next_step="Name another, or remove it.") from error


def add(file: Path, reasoner: str, outcome: Outcome) -> None:
    """Append an outcome; a line cut short by a kill is left out when the file is read."""
    said = {
        "reasoner": reasoner,
        "code": version(),
        "folder": str(outcome.folder.resolve()),
        "outcome": asdict(outcome) | {"folder": str(outcome.folder)},
    }
    text = json.dumps(said)
    cut = file.exists() and file.stat().st_size and not file.read_bytes().endswith(b"\n")
    with file.open("a", encoding="utf-8") as lines:
        lines.write(("\n" if cut else "") + text + "\n")


def _outcome(said: dict[str, Any]) -> Outcome:
    values: dict[str, Any] = {**_tuples(said), "folder": Path(said["folder"])}
    return Outcome(**{**values, "validity": Validity(**_tuples(said["validity"]))})


def _tuples(said: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}


@lru_cache(maxsize=1)
def version() -> str:
    """Return a digest of the code that a result hangs on."""
    digest = hashlib.sha256()
    for room in CODE:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in (".py", ".ttl", ".md", ".json") and "bench/recordings" not in path.as_posix():
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
