"""Sources that are gone: what is lost where some kinds of telemetry cannot be looked at.

environment = without(environment, share=0.3, seed="some-case")
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from workbench.nouns import Failed, Observation, Question
from workbench.ports import Clock, Environment, Source

REASON, REMEDY = "not recorded", "Taken away by the bench: --drop-sources."


@dataclass(frozen=True, slots=True)
class Dropped:
    """A source that cannot be looked at any more."""

    source: Source
    clock: Clock

    @property
    def name(self) -> str:
        """That of the source."""
        return self.source.name

    def ask(self, question: Question) -> Observation:
        """Answer that it was not recorded, whatever is asked."""
        return Observation(question, Failed(REASON, REMEDY), self.name, self.clock.now())


def without(environment: Environment, share: float, seed: str) -> Environment:
    """Return the environment with about this share of its sources gone, the same ones for the same seed.

    Args:
        environment: of the case.
        share: 0 to 1: the chance of each source to be gone; more of them are gone with a larger share, never others.
        seed: the id of the case.
    """
    sources = {
        modality: Dropped(source, environment.clock) if _chance(f"{seed}/{modality}") < share else source
        for modality, source in environment.sources.items()
    }
    return replace(environment, sources=sources)


def _chance(key: str) -> float:
    """Return a number from 0 to 1 that is a matter of the key alone."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:12], 16) / 16**12
