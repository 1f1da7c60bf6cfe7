from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ASKED = [
    *PROJECT["project"]["dependencies"],
    *PROJECT["project"]["optional-dependencies"]["estate"],
    *PROJECT["dependency-groups"]["dev"],
]
PACKAGES = ("ontology", "scanners", "memory", "workbench")


def test_conda_users_get_the_same_packages() -> None:
    """environment.yml lists exactly what pyproject.toml asks for, and installs the project editable."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = next(each["pip"] for each in environment["dependencies"] if isinstance(each, dict))

    assert set(listed) == {*ASKED, "-e ."}


def test_the_lock_has_hashes_and_names_no_registry() -> None:
    """Every pinned package has a hash, every asked-for one is pinned, and no address stands in the lock."""
    lock = (ROOT / "requirements.lock").read_text()
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE))
    names = {re.split(r"[\[<>=;]", each)[0].strip().lower() for each in ASKED}

    assert names <= pinned
    assert "://" not in lock
    assert "index-url" not in lock
    assert lock.count("==") <= lock.count("--hash=sha256:")


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_resolves_to_this_project(name: str) -> None:
    """A foreign package of the same name does not stand in front of ours."""
    spec = importlib.util.find_spec(name)

    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).parent == ROOT / name


def test_no_test_folder_is_a_package() -> None:
    """An __init__.py under tests/ would let `import memory` find the tests."""
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_the_door_opens_late() -> None:
    """Importing the package loads none of the heavy ones, the model's SDK least of all."""
    heavy = ("anthropic", "plotly", "pandas", "pyoxigraph", "rdflib", "wordllama")
    code = f"import sys, workbench; print([name for name in {heavy!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
