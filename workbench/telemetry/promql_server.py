"""A real Prometheus or VictoriaMetrics on this machine, filled with recorded series, for as long as it is needed.

    with Server.start("prometheus", series) as server:
        PrometheusSource(server.url)

It listens on the loopback alone, keeps its store in a temporary folder, and ends with this process, however that
ends: a shell beside it waits for the end of a pipe whose other end we hold.
"""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import requests

from ontology.errors import Unavailable
from workbench.telemetry.series import Series

PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "prometheus": ("prometheus",),
    "victoria-metrics": ("victoria-metrics", "victoria-metrics-prod"),
}
"""Server to what its program may be called."""
READY_SECONDS = 60.0
CHUNK_SAMPLES = 50_000
CHUNK_MILLISECONDS = 20 * 60_000
"""A store takes samples up to an hour older than the newest it has: long recordings are written span by span."""
_WATCHED = '"$@" >"$0/log" 2>&1 & child=$!; read -r _; kill "$child"; wait "$child"; rm -rf "$0"'


def installed(server: str) -> str:
    """Return the path of the program of a server; empty where it is not installed."""
    return next((path for name in PROGRAMS[server] if (path := shutil.which(name))), "")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]
    folder: Path

    @classmethod
    def start(cls, server: str, series: Iterable[Series]) -> Self:
        """Start a server, fill it, and return it once it answers.

        Raises:
            Unavailable: it is not installed, or does not start.
        """
        program = installed(server)
        if not program:
            raise Unavailable(f"{server} is not installed.", next_step=f"Install it: apt-get install {server}.")
        folder = Path(tempfile.mkdtemp(prefix=f"{server}-"))
        address = f"127.0.0.1:{_free_port()}"
        words = ["sh", "-c", _WATCHED, str(folder), program, *_options(server, folder, address)]
        process = subprocess.Popen(words, stdin=subprocess.PIPE)  # noqa: S603  # a program by its path, no shell words
        found = cls(f"http://{address}", process, folder)
        try:
            found._wait()
            found._fill(server, list(series))
        except BaseException:
            found.close()
            raise
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End it, and remove what it stored."""
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(timeout=READY_SECONDS)

    def _wait(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            with suppress(requests.ConnectionError):
                if requests.get(f"{self.url}/-/ready", timeout=5).status_code == 200:
                    return
            time.sleep(0.02)
        said = (self.folder / "log").read_text(errors="replace").splitlines()
        raise Unavailable(
            f"The server for PromQL did not start: {' '.join(said[-1:])[:200]}.", next_step="Look at its log."
        )

    def _fill(self, server: str, series: Sequence[Series]) -> None:
        for body in _written(series):
            headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
            answer = requests.post(f"{self.url}/api/v1/write", data=body, headers=headers, timeout=READY_SECONDS)
            if answer.status_code >= 300:
                raise Unavailable(
                    f"The server for PromQL refuses samples: {answer.text[:200]}.", next_step="Record the case again."
                )
        if server == "victoria-metrics":  # it shows what it has taken only after a while, unless it is told to
            requests.get(f"{self.url}/internal/force_flush", timeout=READY_SECONDS)


def _options(server: str, folder: Path, address: str) -> list[str]:
    if server == "victoria-metrics":
        return [
            f"-storageDataPath={folder / 'data'}",
            f"-httpListenAddr={address}",
            "-retentionPeriod=100y",
            "-search.disableCache",
        ]
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    return [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        "--web.enable-remote-write-receiver",
        f"--web.listen-address={address}",
    ]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


# -- remote write: protobuf in snappy ------------------------------------------------------------------------


def _written(series: Sequence[Series]) -> Iterator[bytes]:
    """Yield the bodies of the requests that write all samples, the earliest first.

    Source: prometheus.io/docs/concepts/remote_write_spec; a mark of a series' end is a sample too.
    """
    first = min((int(each.times[0]) for each in series if len(each.times)), default=0)
    last = max((int(each.times[-1]) for each in series if len(each.times)), default=-1)
    for start in range(first, last + 1, CHUNK_MILLISECONDS):
        parts, held = list[bytes](), 0
        for each in series:
            inside = (each.times >= start) & (each.times < start + CHUNK_MILLISECONDS)
            parts += [_message(each, inside)] if inside.any() else []
            held += int(inside.sum())
            if held > CHUNK_SAMPLES:
                yield _snappy(b"".join(parts))
                parts, held = [], 0
        if parts:
            yield _snappy(b"".join(parts))


def _message(series: Series, inside: np.ndarray) -> bytes:
    """Return the field `timeseries` of a WriteRequest."""
    labels = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in sorted(series.labels.items())
    )
    times, values = series.times[inside].tolist(), series.values[inside]
    samples = b"".join(
        _field(2, b"\x09" + struct.pack("<Q", bits) + b"\x10" + _varint(at))
        for at, bits in zip(times, values.view("uint64").tolist(), strict=True)
    )
    return _field(1, labels + samples)


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))


def _snappy(content: bytes) -> bytes:
    """Return the content as a snappy block of literals: the format is wanted, nothing is gained by packing here."""
    parts = [_varint(len(content))]
    for start in range(0, len(content), 1 << 16):
        literal = content[start : start + (1 << 16)]
        parts += [b"\xf4", struct.pack("<H", len(literal) - 1), literal]
    return b"".join(parts)
