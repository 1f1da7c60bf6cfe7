"""The port that the link names is the port that JupyterLab takes."""

from __future__ import annotations

import socket

from workbench.cli.demo import free


def test_a_port_in_use_is_passed_over() -> None:
    """Where somebody listens, the next free port is taken, and the link names that one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert free(port) > port
