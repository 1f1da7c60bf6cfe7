"""The graph of the estate at one moment, made by the scanners over a clone of the running copy and over its traces."""

from __future__ import annotations

import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

from ontology.errors import BadInput
from scanners.catalogue import scanner
from scanners.protocol import Problem
from scanners.resolver import settle
from workbench.graph.store import GraphStore

PLACES = (
    *(
        ("compose", "."),
        ("source", "."),
        ("git", "."),
        ("flags", "."),
        ("kubernetes", "k8s"),
        ("prometheus", "prometheus"),
    ),
)
"""Scanner and what it looks at, in the clone."""
ADDRESS = "https://git.shop.example/shop.git"
"""Where the clone says that it is from: no path of this machine gets into the graph."""


def write(repository: Path, case: Path, environment: str, now: datetime) -> Path:
    """Scan the repository as it is committed, and the traces of a case that has some; write its `graph.nq.gz`.

    Raises:
        BadInput: a scanner could not read something.
    """
    with tempfile.TemporaryDirectory() as above, GraphStore.memory() as store:
        shop = cloned(repository, Path(above) / "shop")
        targets = [(name, shop / place) for name, place in PLACES if (shop / place).exists()]
        if (case / "traces.parquet").exists():  # not where the fault is that nobody collects them
            targets.append(("traces", case))
        scans = [scanner(name, target, environment, now=lambda: now).scan() for name, target in targets]
        problems: list[Problem] = []
        for scan in settle(scans):
            problems += scan.problems
            store.replace(scan)
        if problems:
            raise BadInput(
                f"{problems[0].where} could not be scanned: {problems[0].reason}.", next_step="Mend it, and try again."
            )
        return store.dump(case / "graph.nq.gz")


def cloned(repository: Path, folder: Path) -> Path:
    """Return a clone with its whole history, without what is built or installed beside it."""
    for words in (
        ("git", "clone", "--quiet", "--no-hardlinks", str(repository), str(folder)),
        ("git", "-C", str(folder), "remote", "set-url", "origin", ADDRESS),
    ):
        subprocess.run(words, check=True, capture_output=True)  # noqa: S603  # git, on our own folder
    return folder
