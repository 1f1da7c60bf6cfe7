"""Pure: how often were we right on cases like this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from memory.protocol import Episode, Verdict


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """A Beta(right + 1, wrong + 1) belief about being right.

    >>> TrackRecord(right=3, wrong=1).mean
    0.6666666666666666
    """

    right: int
    wrong: int

    @property
    def mean(self) -> float:
        """Expected share of right answers, 0 to 1; one half where there is no history."""
        return (self.right + 1) / (self.right + self.wrong + 2)

    @property
    def width(self) -> float:
        """Standard deviation of the belief: how little history stands behind the mean."""
        right, wrong = self.right + 1, self.wrong + 1
        total = right + wrong
        return float((right * wrong / (total**2 * (total + 1))) ** 0.5)


def track_record(episodes: Iterable[Episode], failure_mode: str) -> TrackRecord:
    """Count the confirmed and the rejected episodes of a failure mode; the undecided ones say nothing."""
    alike = [each for each in episodes if each.failure_mode == failure_mode]
    return TrackRecord(
        right=sum(each.verdict is Verdict.CONFIRMED for each in alike),
        wrong=sum(each.verdict is Verdict.REJECTED for each in alike),
    )
