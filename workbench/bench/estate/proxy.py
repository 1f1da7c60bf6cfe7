"""The network between the services: one process, a listening port for each caller and callee: `python proxy.py SEED`.

Told by JSON lines on its input, each answered by a line: `listen`, `target`, `shape`, `reset` (`network.py` writes
them). Ends when its input does. What a shape does to what the caller sends:

- delay: comes so many seconds later, and so does the connection itself: a round trip takes so much longer;
- jitter: standard deviation of the delay, normal, never below zero; order is kept, as TCP keeps it;
- loss: a piece is lost with this probability and sent again after 0.2 s, 0.4 s, 0.8 s, ... as TCP does, in both
  directions; lost six times in a row, the connection is reset;
- cut: nothing comes through in either direction until it is healed; then what was sent comes, as TCP repeats it.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FIRST_WAIT = 0.2
"""Seconds until TCP repeats what was lost, on Linux; it doubles each time."""
TRIES = 6


@dataclass
class Link:
    """The way from one caller to one callee."""

    caller: str
    callee: str
    keeper: socket.socket
    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    cut: bool = False
    server: asyncio.Server | None = None
    ways: set[Way] = field(default_factory=set)
    healed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def plain(self) -> bool:
        """Whether nothing is done to what passes."""
        return not (self.delay or self.jitter or self.loss or self.cut)

    def lag(self, dice: random.Random, *, forth: bool) -> float | None:
        """Return by how much a piece is late; None when it never comes."""
        late = max(0.0, dice.gauss(self.delay, self.jitter)) if forth else 0.0
        for turn in range(TRIES):
            if not self.loss or dice.random() >= self.loss:
                return late
            late += FIRST_WAIT * 2**turn
        return None


class Way(asyncio.Protocol):
    """One direction of one connection: takes from its transport and hands on to its peer's."""

    def __init__(self, net: Network, link: Link, *, forth: bool) -> None:
        self.net, self.link, self.forth = net, link, forth
        self.transport: asyncio.Transport | None = None
        self.peer: Way | None = None
        self.queue: deque[tuple[float, bytes | None]] = deque()
        """What is on its way: when it is due, and the bytes; None for the end."""
        self.due = 0.0
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; the caller's own side now looks for the callee."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.link.ways.add(self)
        if self.forth:
            transport.pause_reading()
            self.net.tasks.add(task := asyncio.ensure_future(self._reach()))
            task.add_done_callback(self.net.tasks.discard)

    async def _reach(self) -> None:
        """Connect to the callee, as late as the link says."""
        while self.link.cut:
            await self.link.healed.wait()
        late = self.link.lag(self.net.dice, forth=True)
        if late:
            await asyncio.sleep(late)
        host, port = self.net.targets.get(self.link.callee) or ("", 0)
        back = Way(self.net, self.link, forth=False)
        back.peer, self.peer = self, back
        try:
            if late is None or not port:
                raise ConnectionRefusedError
            await asyncio.get_running_loop().create_connection(lambda: back, host, port)
        except OSError:
            self.abort()
            return
        if self.transport is None or self.transport.is_closing():
            back.abort()
        else:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Hand on, now where nothing is in the way."""
        if self.link.plain and not self.queue and self.peer is not None and self.peer.transport is not None:
            self.peer.transport.write(data)
        else:
            self._late(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on the end after all that was sent."""
        self.link.ways.discard(self)
        self._late(None)

    def pause_writing(self) -> None:
        """Read no more from the other side: our writes pile up."""
        if self.peer is not None and self.peer.transport is not None and not self.peer.transport.is_closing():
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again from the other side."""
        if self.peer is not None and self.peer.transport is not None and not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def _late(self, data: bytes | None) -> None:
        late = self.link.lag(self.net.dice, forth=self.forth) if data is not None else 0.0
        if late is None:
            self.abort()
            return
        self.due = max(self.due, self.net.loop.time() + late)
        self.queue.append((self.due, data))
        self.flow()

    def flow(self) -> None:
        """Hand on what is due, and come back for the rest."""
        self.timer = self.timer.cancel() if self.timer is not None else None  # type: ignore[func-returns-value]  # cancel gives None
        if self.link.cut or self.peer is None or self.peer.transport is None:
            return
        while self.queue and self.queue[0][0] <= self.net.loop.time():
            _, data = self.queue.popleft()
            if data is None:
                self.peer.transport.close()
            elif not self.peer.transport.is_closing():
                self.peer.transport.write(data)
        if self.queue:
            self.timer = self.net.loop.call_at(self.queue[0][0], self.flow)

    def abort(self) -> None:
        """Reset both sides, at once."""
        for each in (self, self.peer):
            if each is not None:
                each.queue.clear()
                if each.transport is not None:
                    each.transport.abort()


class Network:
    """All links, and what can be done to them."""

    def __init__(self, seed: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.dice = random.Random(seed)  # noqa: S311  # chance, no secret
        self.links: dict[tuple[str, str], Link] = {}
        self.targets: dict[str, tuple[str, int] | None] = {}
        self.tasks: set[asyncio.Future[None]] = set()

    async def listen(self, links: list[tuple[str, str]]) -> list[int]:
        """Open a port for each caller and callee; it listens once the callee has a target."""
        for caller, callee in links:
            if (caller, callee) not in self.links:
                keeper = socket.socket()
                keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                keeper.bind(("127.0.0.1", 0))
                self.links[caller, callee] = Link(caller, callee, keeper)
                await self._listening(self.links[caller, callee])
        return [self.links[caller, callee].keeper.getsockname()[1] for caller, callee in links]

    async def target(self, callee: str, address: tuple[str, int] | None) -> None:
        """Say where a callee is; None: nowhere, and whoever calls is refused."""
        self.targets[callee] = address
        for link in self.links.values():
            if link.callee == callee:
                await self._listening(link)

    async def _listening(self, link: Link) -> None:
        there = self.targets.get(link.callee) is not None
        if there and link.server is None:
            port = link.keeper.getsockname()[1]
            make: Callable[[], Way] = lambda: Way(self, link, forth=True)  # noqa: E731  # a factory, once
            link.server = await self.loop.create_server(make, "127.0.0.1", port, reuse_address=True, backlog=512)
        elif not there and link.server is not None:
            link.server.close()
            link.server = None

    async def shape(self, caller: str, callee: str, delay: float, jitter: float, loss: float, cut: bool) -> None:
        """Say what a link does from now on."""
        link = self.links[caller, callee]
        link.delay, link.jitter, link.loss, link.cut = delay, jitter, loss, cut
        if not cut:
            link.healed.set()
            link.healed.clear()
            for way in tuple(link.ways):
                way.flow()

    async def reset(self, caller: str, callee: str) -> int:
        """Reset every connection of a link; return how many there were."""
        ways = [way for way in self.links[caller, callee].ways if way.forth]
        for way in ways:
            way.abort()
        return len(ways)


async def main() -> None:
    """Do as the lines say, until they end."""
    net = Network(int(sys.argv[1]))
    reader = asyncio.StreamReader(limit=2**24)
    await net.loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        wanted: dict[str, Any] = json.loads(line)
        act = getattr(net, {"listen": "listen", "target": "target", "shape": "shape", "reset": "reset"}[wanted["do"]])
        try:
            answer = {"said": await act(*wanted["with"])}
        except (KeyError, OSError) as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
