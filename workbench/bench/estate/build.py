"""What is made before a service can start: compiled classes, and packages of Node.js, kept by the hash of their lock.

`npm ci` is run once for each lock in the user's cache folder; the running copy links to what it made.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import platformdirs

from workbench.bench.estate.compose import Service
from workbench.bench.estate.processes import Processes


def cache(*parts: str) -> Path:
    """Return a folder of the user's cache, made where it was not there."""
    folder = Path(os.environ.get("WORKBENCH_CACHE") or platformdirs.user_cache_path("incident-workbench"))
    folder = folder.joinpath("estate", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def jobs(processes: Processes, shop: Path, services: Iterable[Service], logs: Path) -> list[Callable[[], None]]:
    """Return what has to be made, each on its own, so that they can run at the same time."""
    locks = [each for each in sorted(shop.rglob("package-lock.json")) if "node_modules" not in each.parts]
    made: list[Callable[[], None]] = [lambda lock=lock: packages(processes, lock, logs) for lock in locks]  # type: ignore[misc]  # a default binds it
    builds = dict.fromkeys(each.build for each in services if each.build)  # the same for several is made once
    for steps in builds:
        made.append(lambda steps=steps: compiled(processes, shop, steps, logs))  # type: ignore[misc]
    return made


def compiled(processes: Processes, shop: Path, steps: Iterable[tuple[str, ...]], logs: Path) -> None:
    """Run the steps of a build, one after the other, in the shop's folder.

    Raises:
        Unavailable: one failed, with the end of what it said.
    """
    for step in steps:
        processes.run(" ".join(step)[:80], step, log=logs / "build.log", folder=shop)


def packages(processes: Processes, lock: Path, logs: Path) -> None:
    """Put the packages of a lock beside it, as a link into the cache; install them there where they are not yet.

    Raises:
        Unavailable: npm failed, with the end of what it said.
    """
    digest = hashlib.sha256(lock.read_bytes() + lock.with_name("package.json").read_bytes()).hexdigest()[:16]
    held = cache("npm") / digest
    with (cache("npm") / f"{digest}.lock").open("w") as claim:  # two estates at once install once
        fcntl.flock(claim, fcntl.LOCK_EX)
        if not held.exists():
            _install(processes, lock, held, logs)
    (lock.parent / "node_modules").symlink_to(held / "node_modules")


def _install(processes: Processes, lock: Path, held: Path, logs: Path) -> None:
    with tempfile.TemporaryDirectory(dir=held.parent) as fresh:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            if lock.with_name(name).exists():
                shutil.copy(lock.with_name(name), fresh)
        words = ["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"]
        processes.run("npm ci", words, log=logs / "npm.log", folder=Path(fresh))
        (Path(fresh) / "node_modules").mkdir(exist_ok=True)
        shutil.copytree(fresh, held.with_suffix(".new"), symlinks=True)
    held.with_suffix(".new").rename(held)
