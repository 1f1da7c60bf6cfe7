"""The command line as a person runs it: a process of its own, its exit code and its two streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from ontology.nouns import Window
from workbench.telemetry.recording import Recording
from workbench.testing import shop_case, shop_environment

KEPT = ("PATH", "LANG", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")
"""What a run has of this process's environment."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one run."""

    code: int
    out: str
    err: str

    def refused(self, *words: str) -> None:
        """Assert that it was refused as a person should be: a sentence with these words, a next step, no traceback."""
        assert self.code not in (0, None), self
        assert "Traceback" not in self.out + self.err, self.err
        assert "Unexpected" not in self.err, self.err
        assert "Next:" in self.err or "--help" in self.err, self.err
        for word in words:
            assert word.lower() in self.err.lower(), (word, self.err)


@dataclass(slots=True)
class CommandLine:
    """A person's shell: a home folder, a working folder, and the data folder that WORKBENCH_HOME names."""

    place: Path
    launcher: subprocess.Popen[str]
    env: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The data folder."""
        return self.place / "data"

    def __call__(self, *words: str | Path, stdin: str = "", **settings: str) -> Ran:
        """Run it with these words; a setting is `THRESHOLD="2"`, without its prefix."""
        streams = {name: self.place / f".{name}" for name in ("stdin", "out", "err")}
        for name, path in streams.items():
            path.write_text(stdin if name == "stdin" else "", encoding="utf-8")
        named = {f"WORKBENCH_{name}": value for name, value in settings.items()}
        asked = {
            "words": [str(word) for word in words],
            "cwd": str(self.place / "cwd"),
            "env": {**self.env, **named},
            **{name: str(path) for name, path in streams.items()},
        }
        assert self.launcher.stdin is not None
        assert self.launcher.stdout is not None
        self.launcher.stdin.write(json.dumps(asked) + "\n")
        self.launcher.stdin.flush()
        code = int(self.launcher.stdout.readline())
        return Ran(code, *(streams[name].read_text(encoding="utf-8") for name in ("out", "err")))


@pytest.fixture(scope="session")
def launcher() -> Iterator[subprocess.Popen[str]]:
    """The process that every run is forked from."""
    file = Path(__file__).with_name("launcher.py")
    with subprocess.Popen([sys.executable, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def shell(place: Path, launcher: subprocess.Popen[str]) -> CommandLine:
    """Return the command line of a person whose folders are all in that place."""
    folders = {"HOME": "home", "TMPDIR": "tmp", "WORKBENCH_HOME": "data"}
    for name in ("home", "tmp", "cwd"):
        (place / name).mkdir(parents=True)
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    return CommandLine(place, launcher, {**env, **{name: str(place / folder) for name, folder in folders.items()}})


@pytest.fixture
def workbench(tmp_path: Path, launcher: subprocess.Popen[str]) -> CommandLine:
    """The command line with an empty data folder."""
    return shell(tmp_path / "person", launcher)


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory, launcher: subprocess.Popen[str]) -> CommandLine:
    """The command line with a data folder that the tests of a module share, as they do not change what others see."""
    return shell(tmp_path_factory.mktemp("lived-in") / "person", launcher)


@pytest.fixture(scope="session")
def small_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded case that is investigated in a tenth of a second: payment is slow, and logs that it is."""
    world, fired = shop_environment(), shop_case().alert.fired
    recording = Recording()
    sources = {modality: recording.around(source) for modality, source in world.sources.items()}
    recording.ask_all(sources, Window(fired - timedelta(minutes=20), fired))
    folder = tmp_path_factory.mktemp("cases") / "small-shop-1"
    alert = {
        "status": "firing",
        "labels": {"alertname": "CheckoutSlow", "service": "frontend", "severity": "critical"},
        "annotations": {"summary": "p99 latency of frontend is 2.1 s"},
        "startsAt": fired.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example.invalid/graph",
        "fingerprint": "c0ffee",
    }
    minutes = {"window_normal": (20, 5), "window_abnormal": (5, 0)}
    windows = {name: [(fired - timedelta(minutes=n)).isoformat() for n in ends] for name, ends in minutes.items()}
    said = {"case_id": "small-shop-1", "dataset": "small-shop", "system": "three services", "environment": "shop"}
    recording.save(folder, {**said, **windows, "summary": "frontend is slow", "alert": alert})
    return folder


@pytest.fixture(scope="session")
def payload() -> dict[str, object]:
    """A webhook's body, as Alertmanager sends it."""
    labels = {"alertname": "CheckoutSlow", "service": "checkout", "severity": "critical"}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": "checkout is slow"},
        "startsAt": "2026-01-31T03:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example.invalid/graph",
        "fingerprint": "3f2a3f2a3f2a3f2a",
    }
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "status": "firing",
        "receiver": "workbench",
        "groupLabels": {},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example.invalid",
        "alerts": [alert],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """A folder made of path -> text."""

    def made(files: Mapping[str, str]) -> Path:
        root = tmp_path / "folder"
        root.mkdir(exist_ok=True)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return root

    return made
