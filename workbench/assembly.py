"""The one file that names concrete classes: it puts together what an investigation needs, live or recorded.

What comes out is the same for both: an `Environment` has no mode flag, so nothing above can ask whether this is a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from memory import episodes
from memory.episodes import EpisodeStore
from ontology.errors import NotFound
from ontology.nouns import Alert, Fact, Layer
from scanners.protocol import Scan
from workbench.graph.store import GraphStore
from workbench.graph.view import View
from workbench.journal import Caps, Journal, Ledger
from workbench.nouns import Budget, Modality
from workbench.ports import Environment, Reasoner, Source
from workbench.reasoning.statistical import StatisticalReasoner
from workbench.settings import Settings
from workbench.telemetry.recorded import RecordedCase, load_case, recorded_sources

LIVE = "live"
"""Name of the environment that the settings describe; any other name is a recording."""


class SystemClock:
    """The time it is."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class StoppedClock:
    """The incident's own now: nothing later has happened yet."""

    moment: datetime

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment


@dataclass(frozen=True, slots=True)
class Workplace:
    """What an investigation stands on: the world as the engine sees it, and the graph that SPARQL asks."""

    environment: Environment
    graph: GraphStore


def workplace(name: str, settings: Settings) -> Workplace:
    """Return the workplace of that name: `live`, a shipped recording, or the folder of a recorded case.

    Raises:
        NotFound: no recording of that name, no such folder.
    """
    if name == LIVE:
        return live(settings)
    place = _recorded(load_case(recording(name)))
    _add_episodes(place.graph, settings)
    return place


def recorded(folder: Path) -> Environment:
    """Return the world of a recorded case: its tables, its graph, its own now."""
    return _recorded(load_case(folder)).environment


def _recorded(case: RecordedCase) -> Workplace:
    graph = GraphStore.memory()
    if case.graph_path is not None:
        graph.load(case.graph_path)
    else:
        graph.replace(_scan("recording", case.id, case.topology, Layer.RUNNING))
    sources = recorded_sources(case.folder)
    return Workplace(Environment(sources, View(graph), StoppedClock(case.window_abnormal.end)), graph)


def live(settings: Settings) -> Workplace:
    """Return the world that the settings describe; a source that is not set up is simply absent."""
    graph = GraphStore.latest(settings.home / "graph")
    _add_episodes(graph, settings)
    return Workplace(Environment(_live_sources(settings), View(graph), SystemClock()), graph)


def _live_sources(settings: Settings) -> Mapping[Modality, Source]:
    from workbench.telemetry.prometheus import PrometheusSource  # late: a live address is the exception on a laptop

    if not settings.prometheus_url:
        return {}
    return {Modality.METRICS: PrometheusSource(settings.prometheus_url)}


def _add_episodes(graph: GraphStore, settings: Settings) -> None:
    """Put the record of every episode into the graph, so that one question spans incidents and infrastructure."""
    said = tuple(fact for each in memory(settings).episodes() for fact in episodes.facts(each))
    if said:
        graph.replace(_scan("episodes", settings.environment, said, Layer.LEARNED))


def _scan(source: str, scope: str, facts: tuple[Fact, ...], layer: Layer) -> Scan:
    now = datetime.now(UTC)
    return Scan(source, scope, layer, facts=facts, problems=(), complete=True, started=now, finished=now)


def recordings() -> Mapping[str, Path]:
    """Return the recordings that ship, by name."""
    root = Path(str(files("workbench"))) / "bench" / "recordings"
    return {path.parent.name: path.parent for path in sorted(root.glob("*/case.json"))}


def recording(name: str) -> Path:
    """Return the folder of a shipped recording, or of a case anywhere.

    Raises:
        NotFound: there is neither.
    """
    shipped = recordings()
    folder = shipped.get(name, Path(name))
    if not folder.is_dir():
        raise NotFound(
            f"There is no recording or folder {name!r}.",
            next_step=f"Shipped recordings: {', '.join(shipped) or 'none'}.",
        )
    return folder


def recorded_alert(name: str) -> Alert:
    """Return the alert of a recorded case."""
    return load_case(recording(name)).alert


def journal(settings: Settings) -> Journal:
    """Return the journal of the data folder."""
    return Journal(settings.home / "journal.db")


def memory(settings: Settings) -> EpisodeStore:
    """Return the episodes of the data folder."""
    return EpisodeStore(settings.home / "episodes")


def budget(settings: Settings) -> Budget:
    """Return the cap of one investigation."""
    return Budget(
        dollars=settings.budget_dollars,
        tokens=2_000_000,
        questions=settings.budget_questions,
        seconds=settings.budget_seconds,
    )


def reasoner(settings: Settings, ledger: Callable[[Caps], Ledger] | None = None, name: str = "") -> Reasoner:
    """Return who thinks: `statistical`, or `claude` on top of it where there is a key."""
    statistical = StatisticalReasoner()
    if name == "statistical" or not settings.anthropic_api_key.get_secret_value() or ledger is None:
        return statistical
    from workbench.reasoning.claude import ClaudeReasoner  # late: the SDK takes seconds to import

    caps = Caps(case=settings.budget_dollars, day=settings.budget_daily_dollars)
    return ClaudeReasoner(
        key=settings.anthropic_api_key.get_secret_value(),
        base_url=settings.anthropic_base_url,
        model=settings.model,
        ledger=ledger(caps),
        base=statistical,
    )
