"""Who is told of a finding: what passed its threshold goes out, and what changes after that edits the message.

Done by the workers between two cases. A place that cannot be reached stops nothing: the reason is kept with the message
(`workbench notify status`) and it is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from ontology.errors import PersonError
from workbench import assembly
from workbench.desk.thresholds import labels_of, routed
from workbench.engine.loop import opened
from workbench.intake.text import link, plain
from workbench.journal import Journal, sent
from workbench.journal.sent import Due, Sent
from workbench.notify import Delivery, LaterError, Notice, Notifier, Reason
from workbench.nouns import Answered, Case, Evidence
from workbench.settings import Route, Settings

LINE = 400
"""Characters of a text in a notice."""
FOR, AGAINST = 3, 1
"""So much evidence is told, the weightiest."""
MOST_LINKS = 3
_log = logging.getLogger(__name__)


def tell(journal: Journal, settings: Settings, owner: str) -> None:
    """Tell what is new, everywhere that the routes say."""
    if not _set_up(settings):
        return
    for each in sent.due(journal.database, journal.now()):
        alert = journal.alert(each.alert_id).alert
        case, chosen = journal.latest(opened(alert).id), routed(alert, settings)
        told = {made.place: made for made in assembly.notifiers(chosen)} if case is not None else {}
        sent.plan(journal.database, each, list(told))
        for place, notifier in told.items():
            assert case is not None
            held = sent.take(journal.database, each, place, owner, journal.now())
            if held is not None:
                _tell(journal, notifier, notice_of(case, each, chosen), each, held)


def places(settings: Settings) -> tuple[Notifier, ...]:
    """Return every place that the settings or one of their routes name, each once; nothing is sent.

    Raises:
        BadInput: one lacks what it needs, or the labels of a route cannot be read.
    """
    said = [settings]
    for labels, route in settings.routes.items():
        labels_of(labels)
        said.append(settings.model_copy(update=route.model_dump(exclude_none=True)))
    return tuple({made.place: made for each in said for made in assembly.notifiers(each)}.values())


def notice_of(case: Case, due: Due, settings: Settings) -> Notice:
    """Return what is told of a case as it stands: bounded, visible text and links that a person may click."""
    alert = case.alert
    lead = case.findings[0] if case.findings else None
    found = next((each for each in case.hypotheses if lead and each.id == lead.hypothesis), None)
    base = settings.public_url.rstrip("/")
    return Notice(
        alert.id,
        plain(alert.title, 140),
        plain(alert.severity, 20),
        alert.fired,
        due.resolved,
        due.alerts,
        claim=plain(found.claim, LINE) if found else "",
        suspect=plain(found.suspect.name, LINE) if found else "",
        failure_mode=plain(found.cause or found.failure_mode, LINE) if found else "",
        confidence=round(lead.confidence.value, 2) if lead else 0.0,
        because=tuple(plain(each, LINE) for each in lead.confidence.because[:FOR]) if lead else (),
        sure=lead is not None and lead.surfaced,
        evidence=_evidence(case, found.evidence) if found else (),
        next_step=plain(lead.next_steps[0], LINE) if lead and lead.next_steps else "",
        notebook=link(f"{base}/workbench/open/{alert.id}") if base else "",
        links=_links(alert.links),
    )


def _evidence(case: Case, evidence: tuple[Evidence, ...]) -> tuple[Reason, ...]:
    """Return the weightiest evidence for a hypothesis, then what speaks most against it."""
    ranked = sorted(evidence, key=lambda each: -each.weight)
    chosen = [each for each in ranked if each.stance == "for"][:FOR]
    chosen += [each for each in ranked if each.stance == "against"][:AGAINST]
    return tuple(Reason(plain(each.note, LINE), each.stance == "for", _look(case, each.observation)) for each in chosen)


def _look(case: Case, observation_id: str) -> str:
    found = case.observation(observation_id)
    return link(found.reply.link) if found is not None and isinstance(found.reply, Answered) else ""


def _links(links: Mapping[str, str]) -> dict[str, str]:
    named = {plain(key, 40): link(value) for key, value in sorted(links.items())}
    return dict([(key, value) for key, value in named.items() if key and value][:MOST_LINKS])


def _tell(journal: Journal, notifier: Notifier, notice: Notice, due: Due, held: Sent) -> None:
    """Tell a notice at one place, and note how that went."""
    database = journal.database
    if not held.again and held.digest == notice.digest:
        sent.same(database, held, due)
        return
    new = held.gist != notice.gist
    delivery = Delivery(held.revision + 1, held.reference, new=new, again=held.again)
    if not sent.begin(database, held):
        return
    try:
        reference = notifier.send(notice, delivery)
    except PersonError as error:
        rest = timedelta(seconds=error.seconds if isinstance(error, LaterError) else 0.0)
        _log.warning("%s was not told of %s. %s", notifier.place, notice.id, error)
        sent.failed(database, held, due, str(error), journal.now(), rest)
    except Exception as error:  # our own mistake in one message must not end the work on the cases; it is kept
        _log.exception("The message on %s for %s broke.", notice.id, notifier.place)
        sent.failed(database, held, due, f"{type(error).__name__}: {error}", journal.now(), timedelta())
    else:
        sent.note(database, held, due, reference, notice.digest, notice.gist, journal.now())


def _set_up(settings: Settings) -> bool:
    said: tuple[Settings | Route, ...] = (settings, *settings.routes.values())
    return any(each.slack_channel or each.mail_to or each.notify_url for each in said)
