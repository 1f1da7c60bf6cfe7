"""Every test run gets a data folder of its own, so that nobody's alerts and episodes are touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

_home = tempfile.TemporaryDirectory(prefix="workbench-tests-")
os.environ["WORKBENCH_HOME"] = _home.name  # before anything reads the settings; kernels of notebooks inherit it


@pytest.fixture(scope="session", autouse=True)
def _clean_home() -> Iterator[None]:
    yield
    _home.cleanup()
