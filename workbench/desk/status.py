"""How the workbench stands: open incidents, what waits for a person, how fresh the graph is, what money is left.

    status(settings).incidents[0].title
    usage(settings, days=30).dollars

One value, which the terminal prints, the server gives out as JSON and as metrics, and the panel in JupyterLab draws.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from memory.drafts import DraftShelf
from ontology.errors import NotFound, PersonError
from workbench import assembly
from workbench.desk.thresholds import route_of, routed
from workbench.engine.loop import opened
from workbench.intake.text import plain
from workbench.journal import Journal, Place, Progress, money, outcomes
from workbench.notebook.document import path_for
from workbench.nouns import root_of
from workbench.settings import Settings

LATELY = timedelta(hours=1)
"""How long an incident still shows after its alert ended."""
MOST = 100
"""Incidents, and things to review, that are listed; the counts are of all."""
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Incident:
    """An open incident."""

    id: str
    title: str
    severity: str
    fired: datetime
    state: str
    """`waiting`, `investigating`, `investigated`, `with a person` or `failed`."""
    because: str
    """Why it failed, or rests; empty otherwise."""
    resolved: datetime | None
    """When its alert ended; None while it fires."""
    alerts: int
    """How many alerts belong to it, its own included."""
    summary: str
    """What a worker found, where that passed its threshold; empty otherwise."""
    confidence: float | None
    """How sure it was; None where nothing was found, or it was kept quiet."""
    dollars: float
    """What the case with its forks has cost."""
    notebook: bool
    """Whether its notebook is there."""
    link: str
    """Path of the alert link, below the server's base address."""


@dataclass(frozen=True, slots=True)
class Review:
    """Something that waits for a person's word."""

    kind: str
    """`quiet finding`, `draft episode` or `stale source`."""
    words: str
    line: str
    """What to type in a terminal."""
    link: str = ""
    """Path of the alert link, where there is one."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """How one source of the graph stands for one scope."""

    source: str
    scope: str
    state: str
    """`confirmed` or `unconfirmed`."""
    seen: datetime
    facts: int
    left: float
    """Share of the confidence that its age and gaps leave, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Purse:
    """A budget, in US dollars."""

    name: str
    used: float
    held: float
    """Reserved for calls under way."""
    cap: float
    """0 where none is set."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the workbench stands at a moment."""

    at: datetime
    counts: Mapping[str, int]
    """How many alerts there are in each state of the queue."""
    incidents: tuple[Incident, ...]
    review: tuple[Review, ...]
    scans: tuple[Scanned, ...]
    purses: tuple[Purse, ...]
    problems: tuple[str, ...] = ()
    """What could not be looked at, and why."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent in one group."""

    group: str
    dollars: float
    tokens: int
    cases: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent since a day, in US dollars, against what is committed for a month."""

    since: date
    until: date
    dollars: float
    lost: float
    """The part whose true amount is unknown: a process died in the call."""
    tokens: int
    committed: float
    """For a month; 0 where nothing is."""
    month: float
    """Spent since the first of this month."""
    expected: float
    """What this month comes to if it goes on as it did so far."""
    by_day: tuple[Spent, ...]
    by_route: tuple[Spent, ...]
    by_kind: tuple[Spent, ...]


def status(settings: Settings, scans: tuple[tuple[Scanned, ...], tuple[str, ...]] | None = None) -> Status:
    """Return how things stand; what cannot be looked at is said under `problems`.

    Args:
        settings: name the data folder.
        scans: what `scanned` said a while ago, for who asks often.
    """
    journal = assembly.journal(settings)
    now = journal.now()
    fresh, problems = scanned(settings, now) if scans is None else scans
    found = {each.alert_id: each for each in outcomes.since(journal.database, now - MONTH)}
    places = journal.queue.open_cases(now - LATELY, MOST)
    today = journal.spent(day=now.date())
    month = sum(spent.dollars for _, _, spent in money.by_day(journal.database, now.date().replace(day=1)))
    return Status(
        now,
        {str(state): count for state, count in journal.queue.counts().items()},
        tuple(_incident(journal, settings, place, more, found.get(place.alert_id)) for place, more in places),
        (*_quiet(found.values()), *_drafts(settings), *_stale(fresh))[:MOST],
        fresh,
        (
            Purse("today", today.dollars, today.held, settings.budget_daily_dollars),
            Purse("this month", month, today.held, settings.budget_monthly_dollars),
        ),
        problems,
    )


def scanned(settings: Settings, now: datetime) -> tuple[tuple[Scanned, ...], tuple[str, ...]]:
    """Return how every source of the graph stands, the least sure first, and why where that cannot be said."""
    from workbench.graph.staleness import standing  # pyoxigraph: whoever asks for the queue alone does without

    try:
        with assembly.reading_graph(settings) as graph:
            found = standing(graph, now)
    except PersonError as error:
        return (), (f"The graph cannot be read: {error}",)
    listed = [
        Scanned(each.source, each.scope, str(each.state), each.seen, each.facts, each.confidence / each.base)
        for each in found
    ]
    return tuple(sorted(listed, key=lambda each: (each.left, each.source, each.scope))), ()


def usage(settings: Settings, days: int = 30) -> Usage:
    """Return what was spent in the last days, today included, by day, by route and by kind.

    A route is that of the case's alert, as thresholds name it; a kind is `investigation`, or the first word of what
    else money was reserved for.
    """
    journal = assembly.journal(settings)
    today = journal.now().date()
    first, since = today.replace(day=1), today - timedelta(days=days - 1)
    rows = money.by_day(journal.database, min(since, first))
    month = sum(spent.dollars for day, _, spent in rows if day >= first)
    rows = tuple(row for row in rows if row[0] >= since)
    routes = {case_id: _route(journal, settings, case_id) for case_id in {root_of(row[1]) for row in rows}}
    next_first = (first + timedelta(days=32)).replace(day=1)
    return Usage(
        since,
        today,
        sum(spent.dollars for _, _, spent in rows),
        sum(spent.lost for _, _, spent in rows),
        sum(spent.tokens for _, _, spent in rows),
        settings.budget_monthly_dollars,
        month,
        month / (today - first + timedelta(days=1)).days * (next_first - first).days,
        _grouped([(str(day), case_id, spent) for day, case_id, spent in rows]),
        _grouped([(routes[root_of(case_id)], case_id, spent) for _, case_id, spent in rows]),
        _grouped([(_kind(case_id), case_id, spent) for _, case_id, spent in rows]),
    )


def as_json(value: Status | Usage) -> dict[str, Any]:
    """Return the value as what JSON has: moments and days in ISO 8601, US dollars to the hundredth of a cent."""
    made: dict[str, Any] = _json(asdict(value))
    return made


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    if isinstance(value, float):
        return round(value, 4)
    return value.isoformat() if isinstance(value, date) else value


def _incident(
    journal: Journal, settings: Settings, place: Place, more: int, found: outcomes.Outcome | None
) -> Incident:
    alert = journal.alert(place.alert_id).alert
    shown = found if found is not None and found.shown else None
    failed = place.state is Progress.FAILED or (place.state is Progress.RECEIVED and place.tries > 0)
    return Incident(
        alert.id,
        plain(alert.title, 140),
        plain(alert.severity, 20),
        alert.fired,
        _state(place),
        plain(place.because, 300) if failed else "",
        place.resolved,
        1 + more,
        plain(shown.summary, 300) if shown else "",
        round(shown.confidence, 2) if shown else None,
        journal.spent(opened(alert).id).dollars,
        path_for(alert, routed(alert, settings).notebooks_folder).is_file(),
        f"workbench/open/{alert.id}",
    )


def _state(place: Place) -> str:
    if place.state is Progress.FAILED:
        return "failed"
    if place.state is Progress.CLAIMED:
        return "investigating"
    if place.opened is not None:
        return "with a person"
    return "investigated" if place.state is Progress.INVESTIGATED else "waiting"


def _quiet(found: Iterable[outcomes.Outcome]) -> list[Review]:
    return [
        Review(
            "quiet finding",
            f"{plain(each.summary, 200)} ({each.confidence:.2f}, kept quiet): was it right?",
            f"workbench grade {each.alert_id} right",
            f"workbench/open/{each.alert_id}",
        )
        for each in found
        if each.offered and each.right is None
    ]


def _drafts(settings: Settings) -> list[Review]:
    return [
        Review("draft episode", f"{plain(name, 120)}, from a chat thread", f"workbench episodes accept {name}")
        for name in DraftShelf(settings.home / "drafts").waiting()
    ]


def _stale(scans: tuple[Scanned, ...]) -> list[Review]:
    return [
        Review(
            "stale source", f"{each.source} {each.scope}: {each.left:.0%} of its confidence is left", "workbench scan"
        )
        for each in scans
        if each.left < 0.5
    ]


def _route(journal: Journal, settings: Settings, case_id: str) -> str:
    try:
        alert = journal.alert(case_id.removeprefix("case-")).alert
    except NotFound:
        return "no route"
    return route_of(alert, settings) or "no route"


def _kind(case_id: str) -> str:
    first = case_id.partition("-")[0]
    return "investigation" if first == "case" else first


def _grouped(rows: list[tuple[str, str, money.Spend]]) -> tuple[Spent, ...]:
    groups: defaultdict[str, list[tuple[str, money.Spend]]] = defaultdict(list)
    for group, case_id, spent in rows:
        groups[group].append((root_of(case_id), spent))
    return tuple(
        Spent(
            group,
            sum(spent.dollars for _, spent in its),
            sum(spent.tokens for _, spent in its),
            len({case_id for case_id, _ in its}),
        )
        for group, its in sorted(groups.items())
    )
