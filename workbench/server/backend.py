"""What the handlers need of the rest of the workbench: one small protocol, and how they call it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar

from ontology.errors import PersonError
from ontology.nouns import Alert
from workbench.intake.alertmanager import Delivery

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Backend(Protocol):
    """Keeps alerts and makes their notebooks. Every method blocks, and raises `PersonError`s."""

    def receive(self, delivery: Delivery) -> None:
        """Keep what was delivered: once this returns, a crash loses none. Delivered again, it changes nothing."""
        ...

    def alert(self, alert_id: str) -> Alert | None:
        """Return the alert with that id, or None where it is unknown."""
        ...

    def notebook_of(self, alert: Alert) -> Path | None:
        """Return the alert's notebook where it exists; never create it."""
        ...

    def create(self, alert: Alert) -> Path:
        """Return the alert's notebook, made where it does not exist yet. Same alert, same notebook."""
        ...

    def opened(self, alert: Alert) -> None:
        """Hear that a person is led to the alert's notebook."""
        ...

    def saved(self, path: Path) -> None:
        """Hear that this notebook was saved: where an episode remembers it, it remembers what is in it now."""
        ...

    def status(self) -> dict[str, Any]:
        """Return how things stand, as `Status` of the API's description."""
        ...

    def usage(self, days: int) -> dict[str, Any]:
        """Return what was spent in so many days, as `Usage` of the API's description."""
        ...

    def read(self, path: Path) -> None:
        """Hear that somebody reads this notebook: no worker writes into it any more."""
        ...


class Desk:
    """The backend as the handlers call it: opened at the first call, never on the server's own thread.

    One thread for what is quick, so that two deliveries of one alert follow each other; one for what is slow, so that
    an alert is kept while a notebook is being made, and a notebook is made once; one that only looks.
    """

    def __init__(
        self,
        backend: Callable[[], Backend],
        secret: Callable[[], str],
        root: Path,
        secrets: Callable[[str], str] = lambda _sender: "",
        fields: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """Take what opens the backend, and the folder that the server shows.

        `secret` reads that of Alertmanager's webhook, `secrets` that of another sender by its name, `fields` what is
        where in the payload of the generic one.
        """
        self._open = backend
        self._opened: Backend | None = None
        self._opening = Lock()
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="workbench-quick")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="workbench-slow")
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="workbench-look")
        self.secret = secret
        self.secrets = secrets
        self.fields = fields
        self.root = root

    async def call(self, act: Callable[[Backend], T], *, slow: bool = False) -> T:
        """Return what `act` says of the backend.

        Raises:
            PersonError: whatever the backend refuses, or why it cannot be opened.
        """
        thread = self._slow if slow else self._quick
        return await asyncio.get_running_loop().run_in_executor(thread, lambda: act(self._backend()))

    async def look(self, act: Callable[[Backend], T]) -> T:
        """Return what `act` sees; it changes nothing, and keeps no delivery waiting.

        Raises:
            PersonError: as `call`.
        """
        return await asyncio.get_running_loop().run_in_executor(self._looking, lambda: act(self._backend()))

    def _backend(self) -> Backend:
        """Open the backend where it is not open yet; a failure to open is tried again at the next call."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def saved(self, path: Path) -> None:
        """Tell the backend that a notebook was saved, without keeping the save waiting."""
        self._slow.submit(self._tell_saved, path)

    async def read(self, path: Path) -> None:
        """Tell the backend that a notebook is about to be read, and wait until it knows."""
        try:
            await self.call(lambda backend: backend.read(path))
        except PersonError as error:  # it can be read all the same
            _log.warning("That %s is read could not be noted. %s", path.name, error)

    def _tell_saved(self, path: Path) -> None:
        try:
            self._backend().saved(path)
        except PersonError as error:  # the save itself went well, and the next one tells again
            _log.warning("The episode's copy of the notebook was not refreshed. %s", error)
