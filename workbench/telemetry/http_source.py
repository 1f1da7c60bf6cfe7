"""What every live source over HTTP has in common: one read-only session, JSON answers, errors that become `Failed`.

A source of its own says which paths it reads, and how a question becomes a reply.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import requests

from ontology.errors import PersonError, Unavailable
from ontology.nouns import Window
from workbench.nouns import Failed, Modality, Observation, Question, Reply
from workbench.telemetry.layouts import service_of
from workbench.telemetry.readonly import Allowed, ReadOnlySession
from workbench.telemetry.redact import process_redactor


class HttpSource(ABC):
    """Answers questions of one kind from an HTTP API."""

    name: str
    """What a person calls it."""
    modality: ClassVar[Modality]
    reads: ClassVar[tuple[Allowed, ...]]
    """What it may ask; a session of its own sends nothing else."""

    def __init__(
        self, url: str, *, session: requests.Session | None = None, headers: dict[str, str] | None = None
    ) -> None:
        """Bind to the API at `url`; nothing is sent before the first question.

        Args:
            url: address of the API, with a path prefix where it has one.
            session: what carries the requests; a read-only one where none is given.
            headers: such as an authorization, for the default session.

        Raises:
            BadInput: `url` is no http(s) address.
        """
        self.url = url.rstrip("/")
        self._session = session or ReadOnlySession(url, self.reads, headers=headers)

    def ask(self, question: Question) -> Observation:
        """Answer, or say that there is nothing, or say why it could not look."""
        reply: Reply
        if question.modality is not self.modality:
            wanted = question.modality
            reply = Failed(f"{self.name} cannot answer on {wanted}", f"Set up a source of {wanted}.")
        else:
            try:
                reply = self.reply(question)
            except PersonError as error:
                reply = Failed(error.problem, error.next_step)
        return Observation(question, process_redactor().reply(reply), self.name, datetime.now(UTC))

    @abstractmethod
    def reply(self, question: Question) -> Reply:
        """Return the reply to a question of its modality.

        Raises:
            PersonError: it could not look.
        """

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object at a path.

        Raises:
            Unavailable: no answer, a refusal, or something else than a JSON object.
        """
        try:
            response = self._session.get(f"{self.url}{path}", params=dict(parameters or {}))
        except requests.RequestException as error:
            raise Unavailable(f"{self.url} does not answer: {type(error).__name__}.", next_step=self._check) from error
        if response.status_code != 200:
            said = " ".join(response.text.split())[:200]
            raise Unavailable(f"{self.name} refuses ({response.status_code}): {said}.", next_step=self._check)
        try:
            answer = response.json()
        except ValueError as error:
            raise Unavailable(f"{self.url} does not answer in JSON.", next_step=self._check) from error
        if not isinstance(answer, dict):
            raise Unavailable(f"{self.url} answers with something else than expected.", next_step=self._check)
        return answer

    @property
    def _check(self) -> str:
        return f"Check the address of {self.name} in the settings, and what it may read: workbench doctor."


def windows(question: Question) -> Iterator[Window]:
    """Yield the baseline, where there is one, and the window."""
    if question.baseline is not None:
        yield question.baseline
    yield question.window


def names_of(question: Question) -> frozenset[str]:
    """Return the names of the entities that a question is about; empty for all."""
    return frozenset(entity.name for entity in question.about)


def named(question: Question) -> str:
    """Return whom the question is about, in words."""
    return ", ".join(sorted(names_of(question))) or "every service"


def span(window: Window) -> str:
    """Return the window in words.

    >>> span(Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"))
    '2026-01-01 00:00:00 to 00:05:00 UTC'
    """
    return f"{window.start:%Y-%m-%d %H:%M:%S} to {window.end:%H:%M:%S} UTC"


def carrying(values: Sequence[str], names: frozenset[str]) -> list[str]:
    """Return the values of a label that are, or are instances of, one of the names.

    >>> carrying(["cart-5d8f7c9b6d-x2x7k", "mail"], frozenset({"cart"}))
    ['cart-5d8f7c9b6d-x2x7k']
    """
    return [value for value in values if value in names or service_of(value) in names]
