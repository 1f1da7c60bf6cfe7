"""The graph of a recorded shop, made by the scanners: its compose file, its source, the calls in its traces."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ontology.errors import BadInput
from ontology.nouns import utc
from scanners.catalogue import scanner
from scanners.protocol import Problem
from scanners.resolver import settle
from workbench.bench.estate import variant
from workbench.graph.store import GraphStore


def write(folder: Path, names: Mapping[str, str]) -> Path:
    """Scan the shop under these names, and the traces of a case; write `graph.nq.gz` into the case's folder.

    The shop is scanned as a copy in a folder of its own, so that no path of this machine gets into the graph; the facts
    were seen when the alert fired.

    Raises:
        BadInput: the names are not those of the recording, or a scanner could not read something.
    """
    case = json.loads((folder / "case.json").read_text())
    entities = set(pd.read_parquet(folder / "metrics.parquet", columns=["entity"])["entity"])
    if entities != set(names.values()):
        raise BadInput(
            f"The recording is about {', '.join(sorted(entities))}, not about {', '.join(sorted(names.values()))}.",
            next_step="Give --names and --seed as they were when it was recorded.",
        )
    fired = utc(case["alert"]["startsAt"])
    with tempfile.TemporaryDirectory() as above, GraphStore.memory() as store:
        shop = variant.write(dict(names), Path(above) / "estate")
        problems: list[Problem] = []
        targets = (("compose", shop), ("source", shop), ("traces", folder))
        scans = [scanner(name, target, case["environment"], now=lambda: fired).scan() for name, target in targets]
        for scan in settle(scans):
            problems += scan.problems
            store.replace(scan)
        if problems:
            raise BadInput(
                f"{problems[0].where} could not be scanned: {problems[0].reason}.", next_step="Mend it, and try again."
            )
        return store.dump(folder / "graph.nq.gz")
