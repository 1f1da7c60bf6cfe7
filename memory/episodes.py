"""The store of episodes: a folder an episode, holding its record and its notebook; written whole or not at all.

<root>/<episode id>/episode.json     the record, exact
                    episode.ttl      the same in RDF, for any tool
                    notebook.ipynb   what was done, outputs kept
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from memory.hindsight import Hindsight, learned
from memory.protocol import Episode, Raise, Recollection, Symptom, Verdict
from memory.shelf import Shelf
from ontology import iris, terms
from ontology.errors import BadInput, NotAllowed, NotFound
from ontology.nouns import Alert, Entity, Fact, Iri, Layer, Value, Window, utc

LOOK = 10.0
"""Seconds after which the records themselves are looked at again: git changes one in its place."""


class EpisodeStore:
    """Memory in a folder. Implements `memory.protocol.Memory`."""

    def __init__(self, root: Path) -> None:
        """Use the folder; it is made at the first `remember`."""
        self.root = root
        self._kept: tuple[object, Shelf, Callable[[], Hindsight]] | None = None
        self._looked: tuple[int, float] = (0, 0.0)

    def recall(self, alert: Alert, near: Sequence[Entity], symptoms: Sequence[Symptom] = ()) -> Sequence[Recollection]:
        """Return the alike episodes, most alike first; never the alert's own."""
        return self._known()[0].recall(alert, near, symptoms)

    def raises(self, symptoms: Sequence[Symptom]) -> Sequence[Raise]:
        """Return whom the closed incidents raise; they are learned from anew when a record came, changed or went."""
        return self._known()[1]().raises(symptoms) if symptoms else ()

    def _known(self) -> tuple[Shelf, Callable[[], Hindsight]]:
        """Return the episodes and what they teach, read anew when one came or went, or within LOOK when one changed."""
        folder = self.root.stat().st_mtime_ns if self.root.is_dir() else 0
        if self._kept is not None and folder == self._looked[0] and time.monotonic() - self._looked[1] < LOOK:
            return self._kept[1:]
        self._looked = folder, time.monotonic()
        stamp = _stamp(self.root)
        if self._kept is None or self._kept[0] != stamp:
            episodes = tuple(self.episodes())
            self._kept = stamp, Shelf(episodes), cache(lambda: learned(episodes))
        return self._kept[1:]

    def remember(self, episode: Episode, notebook: Path | None = None) -> None:
        """Keep the episode, and a copy of its notebook; the same id again replaces it.

        Raises:
            NotAllowed: the folder cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.root))
        except OSError as error:
            raise NotAllowed(
                f"The episode cannot be saved: {error}.",
                next_step=f"Make {self.root} writable and save again.",
            ) from error
        try:
            _write(draft / "episode.json", json.dumps(_record(episode), indent=1))
            _write(draft / "episode.ttl", turtle(episode))
            if notebook is not None:
                shutil.copyfile(notebook, draft / "notebook.ipynb")
            self._swap(draft, self.root / episode.id)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def refresh(self, alert_id: str, notebook: Path) -> None:
        """Put the notebook as it is now beside the records of that alert's episodes; the records stay as they are."""
        for episode in self.episodes():
            if episode.alert.id == alert_id:
                place = self.root / episode.id
                draft = place / ".notebook.draft"
                shutil.copyfile(notebook, draft)
                draft.replace(place / "notebook.ipynb")

    def _swap(self, draft: Path, place: Path) -> None:
        """Put the draft in its place; a reader sees the old one, nothing, or the new one, never half."""
        old = place.with_name(f".old-{place.name}")
        shutil.rmtree(old, ignore_errors=True)
        if place.exists():
            place.rename(old)
        draft.rename(place)
        shutil.rmtree(old, ignore_errors=True)

    def episodes(self) -> list[Episode]:
        """Return all episodes that can be read, latest first; `damaged` names the others."""
        whole = (each for each in self._records() if isinstance(each, Episode))
        return sorted(whole, key=lambda each: each.closed, reverse=True)

    def damaged(self) -> list[BadInput]:
        """Return what is wrong with records that cannot be read; they are left as they are."""
        return [each for each in self._records() if isinstance(each, BadInput)]

    def _records(self) -> Iterator[Episode | BadInput]:
        for path in sorted(self.root.glob("[!.]*/episode.json")):
            try:
                yield _read(path)
            except BadInput as error:  # one bad record must not hide the others
                yield error

    def show(self, episode_id: str) -> Episode:
        """Return the episode with that id.

        Raises:
            NotFound: there is none.
            BadInput: its record is damaged.
        """
        path = self.root / episode_id / "episode.json"
        if Path(episode_id).name != episode_id or not path.is_file():
            raise NotFound(f"There is no episode {episode_id!r}.", next_step="List them: workbench episodes list")
        return _read(path)

    def forget(self, episode_id: str) -> None:
        """Remove the episode and its notebook's copy, a damaged one too.

        Raises:
            NotFound: there is none.
        """
        with contextlib.suppress(BadInput):
            self.show(episode_id)
        shutil.rmtree(self.root / episode_id)


def facts(episode: Episode) -> tuple[Fact, ...]:
    """Return the episode's record as facts, for the graph: SPARQL asks across incidents and infrastructure."""
    me, alert = iris.thing("episode", episode.id), iris.thing("alert", episode.alert.id)
    said: list[tuple[Iri, Iri, Iri | Value]] = [
        (me, terms.TYPE, terms.class_iri(terms.Kind.EPISODE)),
        (me, terms.LABEL, f"{episode.alert.title}, {episode.closed:%Y-%m-%d}"),
        (me, terms.CLOSES, alert),
        (me, terms.VERDICT, terms.verdict_iri(episode.verdict)),
        (me, terms.FAILURE_MODE, terms.failure_mode_iri(episode.failure_mode)),
        (me, terms.CLOSED_AT, episode.closed),
        (me, terms.COST, episode.cost),
        (me, terms.QUESTIONS, episode.questions),
        (alert, terms.TYPE, terms.class_iri(terms.Kind.ALERT)),
        (alert, terms.LABEL, episode.alert.title),
        (alert, terms.FIRED_AT, episode.alert.fired),
    ]
    said += [(me, terms.CONCERNS, entity.iri) for entity in episode.entities]
    if episode.cause:
        said.append((me, terms.CAUSE, episode.cause.iri))
    words = {terms.CLAIM: episode.claim, terms.REMEDY: episode.remedy, terms.NOTEBOOK: episode.notebook}
    said += [(me, predicate, text) for predicate, text in words.items() if text]
    said += [(me, terms.RULED_OUT, claim) for claim in episode.ruled_out]
    if episode.confidence is not None:
        said.append((me, terms.CONFIDENCE, episode.confidence))
    return tuple(
        Fact(subject, predicate, what, layer=Layer.LEARNED, source="episodes", seen=episode.closed)
        for subject, predicate, what in said
    )


def turtle(episode: Episode) -> str:
    """Return the record as Turtle."""
    from rdflib import Graph, Literal, URIRef  # late: half a second to import

    graph = Graph()
    for prefix, namespace in iris.PREFIXES.items():
        graph.bind(prefix, namespace)
    for fact in facts(episode):
        what = URIRef(fact.object) if isinstance(fact.object, Iri) else Literal(fact.object)
        graph.add((URIRef(fact.subject), URIRef(fact.predicate), what))
    return graph.serialize(format="turtle")


def _stamp(root: Path) -> tuple[tuple[str, int], ...]:
    """Return the name of each record and when it was written; by hand, since this is most of a recall's time."""
    if not root.is_dir():
        return ()
    with os.scandir(root) as entries:
        names = sorted(each.name for each in entries if not each.name.startswith("."))
    found = []
    for name in names:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # no record, or forgotten meanwhile
            found.append((name, os.stat(f"{root}/{name}/episode.json").st_mtime_ns))  # noqa: PTH116  # half the time
    return tuple(found)


def _read(path: Path) -> Episode:
    """Return the episode of a record.

    Raises:
        BadInput: the record is damaged.
    """
    try:
        return _episode(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, OSError) as error:
        name = path.parent.name
        raise BadInput(
            f"The record of the episode {name} cannot be read ({type(error).__name__}: {error}).",
            next_step=f"Mend {path}, or forget it: workbench episodes forget {name}",
        ) from error


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _record(episode: Episode) -> dict[str, Any]:
    alert = episode.alert
    return {
        "id": episode.id,
        "alert": {
            "id": alert.id,
            "title": alert.title,
            "window": [alert.window.start.isoformat(), alert.window.end.isoformat()],
            "severity": alert.severity,
            "summary": alert.summary,
            "labels": dict(alert.labels),
            "links": dict(alert.links),
        },
        "entities": [_entity_record(each) for each in episode.entities],
        "cause": _entity_record(episode.cause) if episode.cause else None,
        "failure_mode": episode.failure_mode,
        "verdict": str(episode.verdict),
        "closed": episode.closed.isoformat(),
        "claim": episode.claim,
        "remedy": episode.remedy,
        "symptoms": [[each.entity, each.signal, each.direction] for each in episode.symptoms],
        "believed": [list(each) for each in episode.believed],
        "ruled_out": list(episode.ruled_out),
        "confidence": episode.confidence,
        "cost": episode.cost,
        "questions": episode.questions,
        "notebook": episode.notebook,
    }


def _entity_record(entity: Entity) -> dict[str, str]:
    return {"iri": entity.iri, "kind": entity.kind, "name": entity.name}


def _entity(record: dict[str, str]) -> Entity:
    return Entity(Iri(record["iri"]), record["kind"], record["name"])


def _episode(record: dict[str, Any]) -> Episode:
    alert = record["alert"]
    return Episode(
        id=record["id"],
        alert=Alert(
            alert["id"],
            alert["title"],
            Window.of(*alert["window"]),
            severity=alert["severity"],
            summary=alert["summary"],
            labels=alert["labels"],
            links=alert["links"],
        ),
        entities=tuple(map(_entity, record["entities"])),
        cause=_entity(record["cause"]) if record["cause"] else None,
        failure_mode=record["failure_mode"],
        verdict=Verdict(record["verdict"]),
        closed=utc(record["closed"]),
        claim=record["claim"],
        remedy=record["remedy"],
        symptoms=tuple(Symptom(*each) for each in record["symptoms"]),
        believed=tuple((str(name), float(nats)) for name, nats in record.get("believed", ())),
        ruled_out=tuple(record["ruled_out"]),
        confidence=record["confidence"],
        cost=record["cost"],
        questions=record["questions"],
        notebook=record["notebook"],
    )
