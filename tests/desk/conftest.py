"""A desk on the tiny shop: real journal, real memory, real reasoner, sources that count what they are asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from memory.episodes import EpisodeStore
from ontology.nouns import Alert
from workbench.assembly import Workplace
from workbench.desk.desk import Desk, Tools
from workbench.engine.loop import opened
from workbench.graph.store import GraphStore
from workbench.journal import Journal
from workbench.nouns import Budget, Modality, Observation, Question
from workbench.ports import Environment, Reasoner, Source
from workbench.reasoning.statistical import StatisticalReasoner
from workbench.testing import shop_case, shop_environment


@dataclass(slots=True)
class Told:
    """A source that hands every question on, and says so first: for a test to count, to wait for, to interrupt."""

    source: Source
    asked: list[Question]
    tell: Callable[[Question], object]

    @property
    def name(self) -> str:
        return self.source.name

    def ask(self, question: Question) -> Observation:
        self.asked.append(question)
        self.tell(question)
        return self.source.ask(question)


@dataclass(slots=True)
class Kernel:
    """A data folder, and the desks that are opened on it one after the other, as kernels come and go."""

    folder: Path
    asked: list[Question] = field(default_factory=list)
    """Every question that any source was asked."""
    tell: Callable[[Question], object] = lambda _question: None
    """Called with every question, before it is answered."""

    def desk(self, alert: Alert | None = None, reasoner: Reasoner | None = None, budget: Budget | None = None) -> Desk:
        """Return a desk as a fresh kernel has it, its first look taken or replayed."""
        journal = Journal(self.folder / "journal.db")
        case = opened(alert or shop_case().alert)
        tools = Tools(
            Workplace(self.environment(), GraphStore.memory()),
            journal,
            EpisodeStore(self.folder / "episodes"),
            reasoner or StatisticalReasoner(),
            budget or Budget(dollars=1.0, tokens=1000, questions=40, seconds=300.0),
            0.6,
            self.folder / "incident.ipynb",
        )
        desk = Desk(case, tools, journal.trail(case.id))
        desk.open()
        return desk

    def environment(self) -> Environment:
        world = shop_environment()
        sources: dict[Modality, Source] = {
            modality: Told(source, self.asked, lambda question: self.tell(question))
            for modality, source in world.sources.items()
        }
        return replace(world, sources=sources)

    def lines(self) -> list[str]:
        """Return the actions that the journal holds of the shop's case."""
        trail = Journal(self.folder / "journal.db").trail(f"case-{shop_case().alert.id}")
        return [entry.action for entry in trail]


@dataclass(slots=True)
class Gate:
    """Holds back whoever asks about one kind of telemetry, until it is opened."""

    modality: Modality
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def __call__(self, question: Question) -> None:
        if question.modality is self.modality:
            self.reached.set()
            assert self.opened.wait(30)


@dataclass(slots=True)
class Interrupt:
    """A person who presses the kernel's interrupt button once, when this kind of telemetry is asked for."""

    modality: Modality
    pressed: bool = False

    def __call__(self, question: Question) -> None:
        if question.modality is self.modality and not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """A kernel over an empty data folder."""
    return Kernel(tmp_path)


@pytest.fixture
def gates() -> Iterable[Callable[[Modality], Gate]]:
    """Make a gate; every gate is open in the end, so that no thread stays behind it."""
    made: list[Gate] = []

    def gate(modality: Modality) -> Gate:
        made.append(Gate(modality))
        return made[-1]

    yield gate
    for each in made:
        each.opened.set()


@pytest.fixture
def interrupt() -> Callable[[Modality], Interrupt]:
    """Make an interrupt."""
    return Interrupt
