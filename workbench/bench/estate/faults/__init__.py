"""The faults of the live estate, a file for each family, and the words that they are said in.

    fault("lock-ledger").inject(estate)     # returns what undoes it

Lives here: what a fault is (`nouns`), how faults are made (`acts`), and the families: `resource`, `network`, `process`,
`dependency`, `configuration`, `code`, `data` (with load and certificates), `judgement` (no fault, two at once, ...).

To add a fault: a `Fault` in the file of its family, its acts from `acts`, and `workbench chaos run --fault NAME`.
"""

from __future__ import annotations

import difflib

from ontology.errors import NotFound
from workbench.bench.estate.faults.code import CODE
from workbench.bench.estate.faults.configuration import CONFIGURATION
from workbench.bench.estate.faults.data import DATA
from workbench.bench.estate.faults.dependency import DEPENDENCY
from workbench.bench.estate.faults.judgement import JUDGEMENT
from workbench.bench.estate.faults.network import NETWORK
from workbench.bench.estate.faults.nouns import Fault
from workbench.bench.estate.faults.process import PROCESS
from workbench.bench.estate.faults.resource import RESOURCE

CATALOGUE: dict[str, Fault] = {
    each.name: each
    for family in (RESOURCE, NETWORK, PROCESS, DEPENDENCY, CONFIGURATION, CODE, DATA, JUDGEMENT)
    for each in family
}
"""Every fault by its name."""


def fault(name: str) -> Fault:
    """Return the fault of that name.

    Raises:
        NotFound: there is none.
    """
    if name not in CATALOGUE:
        alike = difflib.get_close_matches(name, CATALOGUE, 1)
        meant = f"Did you mean {alike[0]}? " if alike else ""
        raise NotFound(f"There is no fault {name!r}.", next_step=f"{meant}List them: workbench chaos list")
    return CATALOGUE[name]
