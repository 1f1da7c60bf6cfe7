"""What names concrete classes (live sources: `telemetry.live`) and puts together what an investigation needs.

What comes out is the same for both: an `Environment` has no mode flag, so nothing above can ask whether this is a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory import episodes
from memory.episodes import EpisodeStore
from ontology.errors import BadInput, NotFound
from ontology.nouns import Alert, Fact, Layer
from scanners.protocol import Clients, Scan
from workbench.graph import writeback
from workbench.graph.claim import claimed
from workbench.graph.holder import Holder
from workbench.graph.store import GraphStore
from workbench.graph.view import View
from workbench.journal import Caps, Journal, Ledger
from workbench.nouns import Budget, Modality
from workbench.ports import Environment, Reasoner, Source
from workbench.settings import Settings

if TYPE_CHECKING:  # pandas and requests take a second, and a scan needs neither
    from workbench.notify import Notifier
    from workbench.telemetry.clients import LiveClients
    from workbench.telemetry.recorded import RecordedCase

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
    graph: Holder
    durable: Callable[[], Holder] | None = None
    """Opens what outlives this process, where `graph` is a copy of it."""

    def learn(self, case_id: str, learned: tuple[Fact, ...]) -> None:
        """Make the case's own graph say just this."""
        writeback.hold(self.graph, case_id, learned)

    def accept(self, facts: tuple[Fact, ...]) -> None:
        """Keep facts of a case beyond it."""
        self._said(lambda holder: writeback.accept(holder, facts, self.environment.clock.now()))

    def doubt(self, fact: Fact, because: str) -> None:
        """Ask whoever says so to look again, and take it back where only a person had accepted it."""
        now = self.environment.clock.now()

        def said(holder: Holder) -> None:
            writeback.take_back(holder, fact, now)
            writeback.doubt(holder, fact, because, now)

        self._said(said)

    def _said(self, write: Callable[[Holder], object]) -> None:
        """Write where it lasts first: if that is refused, nothing was said."""
        if self.durable is not None:
            with self.durable() as holder:
                write(holder)
        write(self.graph)


def workplace(name: str, settings: Settings) -> Workplace:
    """Return the workplace of that name: `live`, a shipped recording, or the folder of a recorded case.

    Raises:
        NotFound: no recording of that name, no such folder.
    """
    if name == LIVE:
        return live(settings)
    from workbench.telemetry.recorded import load_case

    place = _recorded(load_case(recording(name)))
    _add_episodes(place.graph, settings)
    return place


def recorded(folder: Path) -> Environment:
    """Return the world of a recorded case: its tables, its graph, its own now."""
    from workbench.telemetry.recorded import load_case

    return _recorded(load_case(folder)).environment


def _recorded(case: RecordedCase) -> Workplace:
    from workbench.telemetry.recorded import recorded_sources

    graph = GraphStore.memory()
    if case.graph_path is not None:
        graph.load(case.graph_path)
    else:
        graph.replace(_scan("recording", case.id, case.topology, Layer.RUNNING))
    sources = recorded_sources(case.folder)
    return Workplace(Environment(sources, View(graph), StoppedClock(case.window_abnormal.end)), graph)


def live(settings: Settings) -> Workplace:
    """Return the world that the settings describe; a source that is not set up is simply absent."""
    graph = reading_graph(settings)
    _add_episodes(graph, settings)
    copied = isinstance(graph, GraphStore)
    lasting = (lambda: writing_graph(settings)) if copied else None
    return Workplace(Environment(_live_sources(settings), View(graph), SystemClock()), graph, lasting)


def reading_graph(settings: Settings) -> Holder:
    """Return the graph to read: the engine that the settings name, the owner's, or a copy of what was published last.

    Raises:
        Unavailable: it does not answer, or its files are damaged.
    """
    elsewhere = _elsewhere(settings)
    return GraphStore.latest(settings.home / "graph") if elsewhere is None else elsewhere


def writing_graph(settings: Settings) -> Holder:
    """Return the graph to write: the engine that the settings name, the owner's, or the store, opened by this process.

    Raises:
        Unavailable: it does not answer, or another process has the store open.
    """
    elsewhere = _elsewhere(settings)  # compared with None: an empty graph has no length, and is a graph
    return GraphStore.open(settings.home / "graph") if elsewhere is None else elsewhere


def _elsewhere(settings: Settings) -> Holder | None:
    """Return the graph that another process holds: the engine of the settings, or the owner of the data folder."""
    if settings.graph:
        from workbench.graph.remote import RemoteGraph  # late, as all that only some need

        secret = settings.graph_secret.get_secret_value()
        auth, update = settings.graph_auth, settings.graph_update
        return RemoteGraph.open(settings.graph, settings.home, update=update, auth=auth, secret=secret)
    if claimed(settings.home) is None:
        return None
    from workbench.graph.owned import owned

    return owned(settings.home)


def clients(settings: Settings) -> Clients:
    """Return the clients of vendors' APIs for scanners; each can only read, a cluster's for a user who can."""
    from workbench.telemetry.clients import ScannerClients

    given = _clients(settings)
    return ScannerClients(given.tokens, given.paces, settings.kubernetes_may_write)


def _clients(settings: Settings) -> LiveClients:
    from workbench.telemetry.clients import LiveClients
    from workbench.telemetry.pace import Limits, process_paces

    limits = Limits(
        seconds=settings.source_seconds,
        per_second=settings.source_requests_per_second,
        burst=settings.source_burst,
        failures=settings.source_failures,
        rest_seconds=settings.source_rest_seconds,
    )
    tokens = {base.rstrip("/"): token.get_secret_value() for base, token in settings.tokens.items()}
    return LiveClients(tokens, process_paces(limits))


def kubernetes_rights(settings: Settings) -> str:
    """Return what the user of the context in the settings may do beside reading, in words; empty where nothing.

    Raises:
        NotAllowed: something, and the settings do not say that it is meant.
        Unavailable: there is no such context, nobody answers, or the server does not tell.
    """
    from workbench.telemetry.kubernetes_rights import checked
    from workbench.telemetry.live import context_of

    rights = _clients(settings).rights(context_of(settings))
    return checked(rights, settings.kubernetes_context, may_write=settings.kubernetes_may_write).words


def firing(settings: Settings) -> list[Any]:
    """Return the alerts that Alertmanager's API says are active now, as it words them; none are silenced or inhibited.

    Raises:
        Unavailable: it does not answer, or something else than a list.
    """
    from workbench.telemetry.alertmanager import AlertmanagerState
    from workbench.telemetry.live import authorization

    address = settings.alertmanager_url
    pace = _clients(settings).paces.of(address)
    source = AlertmanagerState(address, headers=authorization(settings, address), pace=pace)
    return source.items("/api/v2/alerts", {"active": "true", "silenced": "false", "inhibited": "false"})


def _live_sources(settings: Settings) -> Mapping[Modality, Source]:
    from workbench.telemetry.live import live_sources  # late: a live address is the exception on a laptop

    return live_sources(settings, _clients(settings))


def _add_episodes(graph: Holder, settings: Settings) -> None:
    """Put the record of every episode into the graph, so that one question spans incidents and infrastructure."""
    said = tuple(fact for each in memory(settings).episodes() for fact in episodes.facts(each))
    held = {
        (each.subject, each.predicate, each.object)
        for each in graph.read(graph.of_scope("episodes", settings.environment))
    }
    if said and held != {(each.subject, each.predicate, each.object) for each in said}:
        graph.replace(_scan("episodes", settings.environment, said, Layer.LEARNED))


def _scan(source: str, scope: str, facts: tuple[Fact, ...], layer: Layer) -> Scan:
    now = datetime.now(UTC)
    return Scan(source, scope, layer, facts=facts, problems=(), complete=True, started=now, finished=now)


def recordings() -> Mapping[str, Path]:
    """Return the recordings that ship, by name."""
    root = Path(str(files("workbench"))) / "bench" / "recordings"
    return {path.parent.name: path.parent for path in sorted(root.glob("*/case.json"))}


def recording(name: str) -> Path:
    """Return the folder of a shipped recording, or of a case anywhere; of one in a list of many, its place there.

    Raises:
        NotFound: there is neither.
    """
    shipped = recordings()
    folder = shipped.get(name, Path(name))
    if not folder.is_dir() and not _listed(folder):
        raise NotFound(
            f"There is no recording or folder {name!r}.",
            next_step=f"Shipped recordings: {', '.join(shipped) or 'none'}.",
        )
    return folder


def _listed(folder: Path) -> bool:
    """Say whether this is the place of a case in a list of many."""
    if not folder.parent.is_dir():
        return False
    from workbench.telemetry.layouts_alerts import listed

    return listed(folder)


def recorded_alert(name: str) -> Alert:
    """Return the alert of a recorded case."""
    from workbench.telemetry.recorded import load_case

    return load_case(recording(name)).alert


def journal(settings: Settings) -> Journal:
    """Return the journal: that of the data folder, or the one that many hosts share."""
    return Journal(settings.journal.get_secret_value() or settings.home / "journal.db")


def notifiers(settings: Settings) -> tuple[Notifier, ...]:
    """Return the places that findings are told at; empty where none is set.

    Raises:
        BadInput: a place lacks what it needs, or is no address.
    """
    made: list[Notifier] = []
    if settings.slack_channel:
        from workbench.notify.slack import Slack

        token = _needed(settings.slack_token.get_secret_value(), "slack_channel", "slack_token")
        made.append(Slack(settings.slack_channel, token, settings.slack_url))
    if settings.mail_to:
        from workbench.notify.mail import Mail, Server

        host = _needed(settings.smtp_host, "mail_to", "smtp_host")
        password = settings.smtp_password.get_secret_value()
        server = Server(host, settings.smtp_port, settings.smtp_security, settings.smtp_user, password)
        made.append(Mail(server, _needed(settings.mail_from, "mail_to", "mail_from"), settings.mail_to))
    if settings.notify_url:
        from workbench.notify.webhook import Webhook

        made.append(Webhook(settings.notify_url, settings.notify_secret.get_secret_value()))
    return tuple(made)


def _needed(value: str, setting: str, other: str) -> str:
    if not value:
        raise BadInput(
            f"The setting {setting!r} needs {other!r}, which is empty.",
            next_step=f"Set WORKBENCH_{other.upper()}, or {other} in settings.toml (docs/notify.md).",
        )
    return value


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
    from workbench.reasoning.statistical import StatisticalReasoner

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
