"""The scope binding: which of our environments a context, a workspace, a project or an attribute pair belongs to.

Without it one deployment gets two nodes: `prod-eu1` of the manifests, and `gke_acme_europe-west1_prod` of the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Binding:
    """A table from `<scanner>:<name>` to an environment; `*` stands for anything, the first line that fits counts.

    >>> Binding({"kubernetes-api:gke_*_prod": "prod-eu1"}).environment("kubernetes-api", "gke_acme_prod", other="lab")
    'prod-eu1'
    """

    table: Mapping[str, str] = field(default_factory=dict)

    def environment(self, source: str, *names: str, other: str) -> str:
        """Return the environment of the first of these names that the table binds, else `other`."""
        told = (f"{source}:{name}" for name in names)
        return next((env for each in told for line, env in self.table.items() if fnmatchcase(each, line)), other)


UNBOUND = Binding()
"""Binds nothing."""
