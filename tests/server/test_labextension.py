"""The bundle that ships is the one that its sources make, and Jupyter finds what the wheel puts down."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "labextension"


def _sources() -> list[Path]:
    """Return what the bundle is built from, as `labextension/stamp.mjs` lists it."""
    files = [EXTENSION / name for name in ("package-lock.json", "package.json", "tsconfig.json")]
    folders = [path for folder in ("schema", "src") for path in (EXTENSION / folder).iterdir()]
    return sorted([*files, *folders], key=lambda path: path.relative_to(EXTENSION).as_posix())


def test_the_bundle_was_built_from_these_sources():
    """The hash that the build left in the bundle is the hash of the sources; if not: make labextension."""
    digest = hashlib.sha256()
    for path in _sources():
        name = path.relative_to(EXTENSION).as_posix()
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")

    assert (EXTENSION / "dist" / "source.sha256").read_text().strip() == digest.hexdigest()


def test_the_bundle_is_whole_and_small():
    """The entry that package.json names is there; without the canvas that a drawing loads, it is under 60 kB."""
    build = json.loads((EXTENSION / "dist" / "package.json").read_text())["jupyterlab"]["_build"]

    assert (EXTENSION / "dist" / build["load"]).is_file()
    sizes = sorted(path.stat().st_size for path in (EXTENSION / "dist").rglob("*") if path.is_file())
    assert sum(sizes[:-1]) < 60_000
    assert sizes[-1] < 450_000  # cytoscape, in a chunk of its own


def test_the_lock_file_names_no_registry():
    """No package in the lock file says from which host it came; npm asks its own registry."""
    packages = json.loads((EXTENSION / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []


@pytest.mark.parametrize("name", ["overrides.json", "jupyter_server_config.json", "install.json"])
def test_the_wheel_puts_down_each_settings_file(name: str):
    """Each JSON file that Jupyter reads is an object that says something, and the wheel maps it."""
    shared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert json.loads((EXTENSION / name).read_text())
    assert f"labextension/{name}" in shared["shared-data"]


def test_the_comm_target_has_one_name():
    """Kernel and lab speak of the same comm target."""
    from workbench.notebook.nextcell import TARGET

    assert f"TARGET = '{TARGET}'" in (EXTENSION / "src" / "bridge.ts").read_text()
