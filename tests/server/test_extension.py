"""Jupyter Server finds and loads the extension by its name, and a start does not pay for the desk."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def jp_server_config():
    """Enable the extension as the installed configuration file does."""
    return {"ServerApp": {"jpserver_extensions": {"workbench.server": True}}}


async def test_the_extension_loads_and_its_link_answers(jp_serverapp, jp_fetch):
    """Named in the configuration, the extension is loaded, and refuses a name that is no alert id."""
    assert "workbench.server" in jp_serverapp.extension_manager.extensions
    answer = await jp_fetch("workbench", "open", "NOT-AN-ID", raise_error=False)

    assert answer.code == 400
    assert b"not the id of an alert" in answer.body


def test_loading_the_extension_does_not_import_the_desk():
    """The module that Jupyter imports at start brings neither pandas nor the graph store with it."""
    code = "import sys, workbench.server, workbench.server.routes; print({'pandas', 'pyoxigraph'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
