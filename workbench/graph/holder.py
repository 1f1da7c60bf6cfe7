"""What holds a graph that is read and written: our own store, its owner in another process, or a SPARQL engine.

Whoever scans, investigates or draws takes a `Holder` and never asks which one it is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from ontology.nouns import Fact, Iri
from scanners.protocol import Scan
from workbench.graph.reading import Readable
from workbench.graph.revision import Change

if TYPE_CHECKING:
    from workbench.graph.store import GraphStore


class Holder(Readable):
    """A graph that scans, investigations and people write to, and that is closed in the end."""

    @abstractmethod
    def replace(self, scan: Scan) -> Change:
        """Make the graphs of this source and scope say what the scan says, as one diff."""

    @abstractmethod
    def learn(self, case_id: str, learned: Iterable[Fact]) -> int:
        """Add facts that an investigation found out, in a graph of the case; return how many were new."""

    @abstractmethod
    def forget_learned(self, case_id: str) -> int:
        """Remove what the case had learned; return how many facts that were."""

    @abstractmethod
    def alias(self, alias: Iri, canonical: Iri, *, source: str, confidence: float = 1.0) -> None:
        """Say that two IRIs name one thing: from now on its facts are written under the canonical one."""

    @abstractmethod
    def forget_alias(self, alias: Iri) -> None:
        """Take an alias back."""

    @abstractmethod
    def as_of(self, moment: datetime) -> GraphStore:
        """Return a private copy with the facts that were known at that time.

        Raises:
            BadInput: the history begins later.
        """

    def share(self) -> None:
        """Let readers see what was written; nothing to do where they see it anyway."""

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds; closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
