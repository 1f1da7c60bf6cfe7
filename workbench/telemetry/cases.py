"""A recorded case: the alert, the tables around it, and how the parts hang together.

    case = load_case(Path("recordings/some-case"))
    case.rows("metrics", ("2026-01-31T02:50:00Z", "2026-01-31T03:00:00Z"), about=["payment"])

Two families of folders are read: our own (tables in the columns of `Question`, see docs/cases.md) and the public
benchmarks in the layouts that `layouts` knows. The answer of a case is never opened here: it is the scorer's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from ontology import iris, terms
from ontology.errors import BadInput, NotFound, PersonError
from ontology.nouns import Alert, Entity, Fact, Iri, Layer, Window, utc
from workbench.nouns import Answered, Failed, Modality, Question
from workbench.telemetry import layouts, layouts_known
from workbench.telemetry.layouts import COLUMNS
from workbench.telemetry.redact import redact_table

ONSET_UNKNOWN = timedelta(minutes=5)
"""How far before an alert's start we look where its sender does not say when the trouble began."""


@dataclass(frozen=True, slots=True)
class RecordedCase:
    """An incident as it was recorded. Tables are read when first asked for and kept for the process."""

    id: str
    dataset: str
    folder: Path
    alert: Alert
    window_abnormal: Window
    window_normal: Window | None
    """None where the source has no normal window of its own (its fault-free history is kept apart)."""
    environment: str
    listed_calls: tuple[tuple[str, str], ...] = ()
    """Caller and callee, by name, where the case has a list of them."""
    graph_path: Path | None = None
    """The graph of that time as N-Quads, where it was recorded."""
    payload: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What case.json says."""

    @property
    def recorded(self) -> tuple[Modality, ...]:
        """The kinds of telemetry that have a file."""
        files = self.payload.get("files", {})
        return tuple(modality for modality in Modality if modality.value in files)

    def table(self, modality: Modality | str) -> pd.DataFrame:
        """Return all rows of that kind, in the columns of `Question`, secrets taken out.

        Raises:
            NotFound: not recorded, or the file is gone.
            BadInput: the file cannot be read.
        """
        return self.kept(Modality(modality)).rows

    def rows(
        self,
        modality: Modality | str,
        window: Window | Sequence[str],
        *,
        baseline: Window | Sequence[str] | None = None,
        about: Sequence[str] = (),
        what: str = "",
    ) -> pd.DataFrame:
        """Return the rows of the window and of the baseline, none later than the end of the window.

        Where the fault-free rows are kept apart from the incident (a phase, a shared history), a baseline of
        any dates is answered with all of them, moved by whole days to lie before the incident.

        Raises:
            NotFound, BadInput: as `table`.
        """
        from workbench.telemetry.recorded import told  # late: it reads by way of the live sources

        before = None if baseline is None else _window(baseline)
        entities = tuple(map(self.entity, about))
        reply = told(self, Question(Modality(modality), _window(window), entities, baseline=before, what=what))
        if isinstance(reply, Failed):
            raise NotFound(reply.reason, next_step=reply.remedy)
        return reply.table if isinstance(reply, Answered) else pd.DataFrame(columns=list(COLUMNS[Modality(modality)]))

    def kept(self, modality: Modality, *, named: bool = False) -> layouts.Recorded:
        """Return all rows of a kind, and which are kept apart; `named`: as told of entities that were asked about.

        Raises:
            NotFound, BadInput: as `table`.
        """
        name = f"{modality.value}_about"
        return _tables(self.folder, modality, name if named and name in self.payload.get("files", {}) else "")

    @property
    def calls(self) -> tuple[tuple[str, str], ...]:
        """Caller and callee, by name: as listed, else as the traces show; empty where neither can be read."""
        if not self.listed_calls:
            with suppress(PersonError):  # their source says why it failed
                return layouts.calls_in(self.table(Modality.TRACES))
        return self.listed_calls

    @property
    def entities(self) -> tuple[Entity, ...]:
        """What the calls, the metrics and the case itself name, sorted by name; of a snapshot, what it shows too.

        Telemetry that cannot be read names nobody here: its source says why it failed.
        """
        kinds = dict.fromkeys((name for call in self.calls for name in call), "Service")
        with suppress(PersonError):
            kinds |= dict.fromkeys(map(str, self.table(Modality.METRICS)["entity"].unique()), "Service")
        if self.payload.get("from_state"):
            with suppress(PersonError):
                kinds |= _shown(self.table(Modality.STATE))
        kinds |= {name: kind for kind, names in self.payload.get("entities", {}).items() for name in names}
        return tuple(self.entity(name, kinds[name]) for name in sorted(kinds))

    def entity(self, name: str, kind: str = "Service") -> Entity:
        """Return the service of that name in this case's environment, or the node or namespace."""
        return Entity(iris.thing(kind.lower(), self.environment, name), kind, name)

    @property
    def topology(self) -> tuple[Fact, ...]:
        """What a graph of this case holds: kind and label of each service, and the recorded calls between them."""
        kind, label = Iri(iris.RDF + "type"), Iri(iris.RDFS + "label")
        named = [
            fact
            for each in self.entities
            for fact in (
                self._fact(each.iri, kind, Iri(iris.WB + each.kind)),
                self._fact(each.iri, label, each.name),
            )
        ]
        ends = ((self.entity(caller).iri, self.entity(callee).iri) for caller, callee in self.calls)
        return (*named, *(self._fact(caller, terms.CALLS, callee) for caller, callee in ends))

    def _fact(self, subject: Iri, predicate: Iri, value: Iri | str) -> Fact:
        return Fact(subject, predicate, value, layer=Layer.RUNNING, source="recorded", seen=self.window_abnormal.start)


def load_case(folder: Path | str) -> RecordedCase:
    """Return the case in that folder; its tables are read only when asked for.

    Raises:
        NotFound: no such folder, or no case.json in it.
        BadInput: case.json is malformed or lacks what a case needs.
    """
    folder = Path(folder).absolute()
    return _loaded(folder, layouts.stamp(layouts_known.source_of(folder)))  # read anew once it changes


@lru_cache(maxsize=512)
def _loaded(folder: Path, _written: int) -> RecordedCase:
    try:
        return _case(folder, layouts_known.described(folder))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise BadInput(
            f"{folder / 'case.json'} is not a case: {what}.", next_step="Compare it with docs/cases.md."
        ) from error


def _case(folder: Path, payload: dict[str, Any]) -> RecordedCase:
    abnormal = _window(payload["window_abnormal"])
    normal = payload.get("window_normal")
    dataset = str(payload.get("dataset") or "recorded")
    graph = folder / "graph.nq.gz"
    return RecordedCase(
        id=str(payload["case_id"]),
        dataset=dataset,
        folder=folder,
        alert=_alert(payload, abnormal),
        window_abnormal=abnormal,
        window_normal=_window(normal) if normal else None,
        environment=str(payload.get("environment") or dataset),
        listed_calls=layouts_known.calls(folder, payload),
        graph_path=graph if graph.exists() else None,
        payload=payload,
    )


def _alert(payload: Mapping[str, Any], abnormal: Window) -> Alert:
    """Return the alert: the recorded one, or one made from what a benchmark says of its incident."""
    if isinstance(payload.get("alert"), Mapping):
        return _recorded_alert(payload["alert"], str(payload.get("summary", "")), abnormal)
    target = payload.get("target") or {}
    labels = {"alertname": str(payload.get("summary") or payload["case_id"]), **payload.get("labels", {})}
    if target:
        labels |= {"service": str(target["entity"]), "metric": f"{target['metric']}_{target['statistic']}"}
    if payload.get("namespace"):
        labels["namespace"] = str(payload["namespace"])
    name = _slug(str(payload["case_id"]))
    return Alert(name, labels["alertname"], abnormal, severity="critical", summary=labels["alertname"], labels=labels)


def _recorded_alert(alert: Mapping[str, Any], summary: str, abnormal: Window) -> Alert:
    """Read one alert of an Alertmanager v4 payload, by the rules of `workbench.intake` (a test holds them together).

    One thing differs: without an `onset` annotation the look back ends where the case's abnormal window starts,
    since a short recording has nothing older to compare with.
    """
    labels = {str(key): str(alert["labels"][key]) for key in sorted(alert["labels"])}
    notes = {str(key): str(value) for key, value in (alert.get("annotations") or {}).items()}
    began = utc(str(alert["startsAt"]))
    unknown = max(began - ONSET_UNKNOWN, min(abnormal.start, began))
    onset = utc(notes["onset"]) if notes.get("onset") else unknown
    title = labels.get("alertname", "alert")
    said = (notes.get(name, "") for name in ("summary", "message", "description"))
    links = {"runbook": notes.get("runbook_url", ""), "alert": str(alert.get("generatorURL", ""))}
    severity = labels.get("severity", "")
    return Alert(
        f"{_slug(title)[:40].strip('-') or 'alert'}-{_fingerprint(alert, labels)}-{began:%Y%m%dt%H%M%Sz}",
        title,
        Window(onset if onset <= began else unknown, began),
        severity=severity if severity in ("critical", "warning", "info") else "unknown",
        summary="\n".join(line for line in dict.fromkeys(said) if line) or summary,
        labels=labels,
        links={name: address for name, address in links.items() if address.startswith(("http://", "https://"))},
    )


def _fingerprint(alert: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    given = str(alert.get("fingerprint") or json.dumps(labels, sort_keys=True))
    return given if re.fullmatch(r"[0-9a-f]{1,16}", given) else hashlib.sha256(given.encode()).hexdigest()[:16]


@lru_cache(maxsize=12)  # two cases; a long shared history weighs 15 MB
def _cached(folder: Path, modality: Modality, name: str, _written: int) -> layouts.Recorded:
    payload = load_case(folder).payload
    table = layouts_known.read(folder, modality, payload, name)
    return replace(table, rows=redact_table(table.rows))


def _tables(folder: Path, modality: Modality, name: str = "") -> layouts.Recorded:
    payload = load_case(folder).payload
    listed = payload.get("files", {}).get(name or modality.value)
    if not listed:
        raise NotFound(
            f"There is no recording of {modality.value} for {payload['case_id']}.",
            next_step="Go on without them; they cannot be had after the fact.",
        )
    return _cached(folder, modality, name, layouts.stamp(folder / str(listed[0])))


def _shown(state: pd.DataFrame) -> dict[str, str]:
    """Return the entities that rows of state are about, by kind: what is told as a node is one."""
    kinds = state[state["entity"] != ""].groupby("entity")["kind"].unique()
    return {str(name): "Node" if "node" in told else "Service" for name, told in kinds.items()}


def _window(span: Window | Sequence[str]) -> Window:
    return span if isinstance(span, Window) else Window.of(span[0], span[1])


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
