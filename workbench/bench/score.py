"""Outcomes and answers -> AC@k, Avg@5, seconds a case. The one place that opens an answer, after the run.

AC@k is the share of cases whose root cause is among the first k suspects; Avg@5 the mean of AC@1 to AC@5
(as in RCAEval and in PetShop's own evaluation). A crash is a case without a rank: it counts, and as a failure.
A case without an answer is unscored, which is not wrong; a case whose answer says that nothing was at fault is
right when nothing was surfaced, and has no rank. Where an answer names several faults at once (`also`), the first one
that is found counts: whoever acts on it mends something that is broken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ontology.errors import BadInput, NotFound
from workbench.bench.gate import Validity
from workbench.bench.labels import fits
from workbench.telemetry.layouts import service_of

DEPTH = 5
SAME_SERVICE = {"rcd-sockshop": ("-db",)}
"""Endings that a benchmark's own scoring collapses into the service: a rule of the data, not of the method."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an investigation said of one case, before anyone looked at the answer."""

    case_id: str
    dataset: str
    folder: Path
    suspects: tuple[str, ...]
    """Names, most believed first."""
    failure_modes: tuple[str, ...] = ()
    """Of each suspect in turn."""
    confidence: float | None = None
    """Of the first."""
    surfaced: bool = False
    ended: str = ""
    questions: int = 0
    seconds: float = 0.0
    crash: str = ""
    """Why there is no ranking; empty where there is one."""
    system: str = ""
    hops: Mapping[str, int] = field(default_factory=dict)
    """How many calls lead from the alert's entity to each entity that it reaches."""
    dollars: float = 0.0
    features: Mapping[str, float] = field(default_factory=dict)
    """What the confidence of the first was made from, by name."""
    validity: Validity = field(default=Validity())
    causes: tuple[str, ...] = ()
    """The finer cause of each suspect in turn; an empty word where none was named."""


@dataclass(frozen=True, slots=True)
class Score:
    """An outcome beside its answer."""

    outcome: Outcome
    root_cause: str | None
    """None where there was no fault, or where there is no answer."""
    failure_mode: str | None = None
    scored: bool = True
    """Whether there was an answer."""
    family: str = ""
    """The family of the fault, as the answer calls it; empty where it does not."""
    also: tuple[tuple[str, str], ...] = ()
    """Further root causes and their failure modes; of the first one, further names of its mode."""
    cause: str = ""
    """The exact cause, as the answer calls it, and its class; empty where it says none."""
    taxonomy: str = ""

    @property
    def rank(self) -> int | None:
        """The place of the root cause among the suspects, from 1; None where it is not among them."""
        names = collapsed(self.outcome.suspects, self.outcome.dataset)
        every = [self.root_cause or "", *(name for name, _ in self.also)]
        places = [names.index(each) + 1 for each in collapsed(every, self.outcome.dataset) if each in names]
        return min(places) if self.root_cause and places else None

    @property
    def right_mode(self) -> bool | None:
        """Whether the first suspect's failure mode is the known one; None where none is known."""
        if self.failure_mode is None or self.root_cause is None:
            return None
        known = {(self.root_cause, self.failure_mode), *self.also}
        names = collapsed(self.outcome.suspects[:1], self.outcome.dataset)
        said = {(name, mode) for name in names for mode in self.outcome.failure_modes[:1]}
        return bool(said & {(collapsed([name], self.outcome.dataset)[0], mode) for name, mode in known})

    @property
    def joint(self) -> bool | None:
        """Whether taxonomy, object and cause of the first suspect are all right; None where no cause is known."""
        if not self.cause or self.root_cause is None:
            return None
        said = (*self.outcome.failure_modes[:1], *self.outcome.causes[:1])
        return self.rank == 1 and len(said) == 2 and fits(self.taxonomy, self.cause, *said)

    @property
    def difficulty(self) -> str:
        """How far the cause lies from where the alert fired: `at the alert`, `one call away`, `further`, `no path`."""
        if self.root_cause is None:
            return ""
        near = {collapsed([name], self.outcome.dataset)[0]: hops for name, hops in self.outcome.hops.items()}
        hops = near.get(collapsed([self.root_cause], self.outcome.dataset)[0])
        return "no path" if hops is None else ("at the alert", "one call away", "further")[min(hops, 2)]

    @property
    def quiet(self) -> bool | None:
        """Whether nothing was surfaced where nothing was at fault; None where something was."""
        return None if self.root_cause is not None or not self.scored else not self.outcome.surfaced


@dataclass(frozen=True, slots=True)
class Results:
    """The scores of a run."""

    scores: tuple[Score, ...] = field(default=())

    def of(self, dataset: str) -> tuple[Score, ...]:
        """Return the scores of one dataset."""
        return tuple(score for score in self.scores if score.outcome.dataset == dataset)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets, by name."""
        return tuple(sorted({score.outcome.dataset for score in self.scores}))


def collapsed(names: Iterable[str], dataset: str) -> list[str]:
    """Return the services of these entities, each once, in order.

    >>> collapsed(["cart-75d494679c-qdl5c", "cart", "user-db"], "rcd-sockshop")
    ['cart', 'user']
    """
    services = []
    for name in names:
        service = service_of(name)
        for ending in SAME_SERVICE.get(dataset, ()):
            service = service.removesuffix(ending)
        services.append(service)
    return list(dict.fromkeys(services))


def accuracy(ranks: Sequence[int | None], k: int) -> float | None:
    """Return AC@k; None without a case.

    >>> accuracy([1, 3, None, 1], 1), accuracy([1, 3, None, 1], 3), accuracy([], 1)
    (0.5, 0.75, None)
    """
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks) if ranks else None


def average(ranks: Sequence[int | None], depth: int = DEPTH) -> float | None:
    """Return Avg@depth, the mean of AC@1 to AC@depth; None without a case.

    >>> average([1, 3, None, 1])
    0.65
    """
    parts = [accuracy(ranks, k) for k in range(1, depth + 1)]
    known = [part for part in parts if part is not None]
    return round(sum(known) / len(known), 6) if known else None


def scored(outcomes: Iterable[Outcome], truth: Path | None = None) -> Results:
    """Open the answers and return the scores.

    Args:
        outcomes: what the investigations said.
        truth: a folder with the answers, as `<case_id>.json`, as `**/<case_id>/truth.json`, or as a copy of the
            tree of cases; without it an answer stands in the case's folder, in a folder `truth` beside it, or, for a
            case in a list, as its line of the list's truth.jsonl.

    Raises:
        NotFound: the folder is not there.
        BadInput: an answer cannot be read.
    """
    answers = _listed(truth) if truth is not None else {}
    return Results(tuple(_scored(outcome, _answer(outcome, answers, truth)) for outcome in outcomes))


def _scored(outcome: Outcome, path: Path | None) -> Score:
    if path is None:
        return Score(outcome, None, scored=False)
    answer = _read(path, outcome.case_id)
    cause, mode = answer.get("root_cause"), answer.get("failure_mode")
    family = (
        answer.get("fault_family")
        or answer.get("family")
        or answer.get("fault_category")
        or answer.get("fault_type")
        or ""
    )
    return Score(
        outcome,
        str(cause) if cause else None,
        str(mode) if mode else None,
        family=str(family),
        also=tuple(_also(answer)),
        cause=str(answer.get("cause") or ""),
        taxonomy=str(answer.get("taxonomy") or ""),
    )


def _also(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield further pairs of root cause and failure mode that are right."""
    for mode in answer.get("failure_mode_also") or ():
        yield str(answer.get("root_cause")), str(mode)
    for other in answer.get("also") or ():
        yield str(other.get("root_cause")), str(other.get("failure_mode"))


def _listed(truth: Path) -> Mapping[str, Path]:
    """Return where each answer of a folder stands, by the id of its case."""
    if not truth.is_dir():
        raise NotFound(
            f"There is no folder {truth}.", next_step="Name the folder with the answers: --truth DIR, or leave it out."
        )
    nested = {path.parent.name: path for path in sorted(truth.rglob("truth.json"))}
    flat = {path.stem: path for path in sorted(truth.glob("*.json"))}
    return {**nested, **flat}


def _answer(outcome: Outcome, answers: Mapping[str, Path], truth: Path | None) -> Path | None:
    if truth is not None:
        return answers.get(outcome.case_id) or answers.get(outcome.folder.name)
    name, folder = f"{outcome.case_id}.json", outcome.folder
    listed = folder.parent / "truth.jsonl" if not folder.exists() else folder / "truth.jsonl"
    places = (folder / "truth.json", folder.parent / "truth" / name, folder.parent.parent / "truth" / name, listed)
    return next((place for place in places if place.is_file()), None)


def _read(path: Path, case_id: str) -> dict[str, Any]:
    """Return the answer in a file; of a list of answers, a line each, that of the case."""
    try:
        text = path.read_text(encoding="utf-8")
        lines: Iterator[Any] = (
            map(json.loads, text.splitlines()) if path.suffix == ".jsonl" else iter((json.loads(text),))
        )
        answer: Any = next((each for each in lines if path.suffix != ".jsonl" or each["case_id"] == case_id), {})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"The answer {path} cannot be read: {error}.", next_step="Restore the file.") from error
    if not isinstance(answer, dict):
        raise BadInput(f"The answer {path} is not a JSON object.", next_step="Restore the file.")
    return answer
