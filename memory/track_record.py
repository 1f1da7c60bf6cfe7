"""Pure: how often were we right on cases like this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    def graded(self) -> int:
        """How many were decided."""
        return self.right + self.wrong

    @property
    def interval(self) -> tuple[float, float]:
        """The middle 95 % of the belief (equal tails).

        >>> tuple(round(end, 3) for end in TrackRecord(right=0, wrong=0).interval)
        (0.025, 0.975)
        """
        from scipy.stats import beta  # late: it takes a second

        low, high = beta.ppf((0.025, 0.975), self.right + 1, self.wrong + 1)
        return float(low), float(high)

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


def by_suspect(episodes: Iterable[Episode]) -> Mapping[str, TrackRecord]:
    """Count the confirmed and the rejected episodes by whom they held to be the cause, by name.

    A rejected one has no cause; it counts against whom we believed most.
    """
    found: dict[str, TrackRecord] = {}
    for each in episodes:
        name, right = _suspect(each), each.verdict is Verdict.CONFIRMED
        if name and each.verdict in (Verdict.CONFIRMED, Verdict.REJECTED):
            held = found.get(name, TrackRecord(0, 0))
            found[name] = TrackRecord(held.right + right, held.wrong + (not right))
    return found


def _suspect(episode: Episode) -> str:
    if episode.cause is not None:
        return episode.cause.name
    return max(episode.believed, key=lambda each: each[1], default=("", 0.0))[0]
