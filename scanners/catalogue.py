"""Every scanner by its name on the command line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ontology.errors import BadInput
from scanners.compose import ComposeScanner
from scanners.kubernetes import KubernetesScanner
from scanners.processes import ProcessScanner
from scanners.protocol import Now, Redact, Scanner, clock
from scanners.secrecy import without_secrets
from scanners.source import SourceScanner
from scanners.terraform import TerraformScanner
from scanners.traces import TracesScanner

Factory = Callable[[Path, str, Redact, Now], Scanner[Any]]
"""Target, environment, redact, clock."""

CATALOGUE: Mapping[str, Factory] = {
    "compose": ComposeScanner,
    "kubernetes": KubernetesScanner,
    "processes": lambda _target, environment, redact, now: ProcessScanner(environment, redact, now),
    "source": SourceScanner,
    "terraform": TerraformScanner,
    "traces": TracesScanner,
}


def scanner(
    name: str, target: Path, environment: str = "default", *, redact: Redact = without_secrets, now: Now = clock
) -> Scanner[Any]:
    """Return the scanner of that name for a target; `processes` looks at this host, whatever the target.

    Raises:
        BadInput: there is no such scanner.

    >>> scanner("compose", Path("deploy"), "prod").scope.endswith("deploy")
    True
    """
    factory = CATALOGUE.get(name)
    if factory is None:
        alike = difflib.get_close_matches(name, CATALOGUE, 1)
        meant = f"Did you mean {alike[0]}? " if alike else ""
        raise BadInput(
            f"There is no scanner {name!r}.", next_step=f"{meant}Choose one of: {', '.join(sorted(CATALOGUE))}."
        )
    return factory(target, environment, redact, now)
