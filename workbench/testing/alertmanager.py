"""The real Alertmanager, started for a test: alerts fire at it as a Prometheus would fire them."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
"""None where none is installed; a test skips then."""
NOBODY = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
"""A configuration that tells nobody of anything."""


@contextmanager
def running(folder: Path, configuration: str = NOBODY) -> Iterator[str]:
    """Run an Alertmanager with its files in a folder; give its address, once it is ready.

    Raises:
        RuntimeError: none is installed.
        urllib3.exceptions.MaxRetryError: it never answered.
    """
    if BINARY is None:
        raise RuntimeError("No Alertmanager is installed: apt-get install prometheus-alertmanager")
    (folder / "alertmanager.yml").write_text(configuration, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [BINARY, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"]
    words += ["--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, stdout=quiet, stderr=quiet) as process:  # noqa: S603  # words of ours
        try:
            _wait(f"http://127.0.0.1:{port}/-/ready")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def post(url: str, path: str, body: object) -> None:
    """Send what a Prometheus or a person would; no source of ours could."""
    answer = urllib3.request("POST", f"{url}{path}", json=body, timeout=10)
    assert answer.status == 200, answer.data


def _wait(url: str) -> None:
    patient = urllib3.Retry(40, backoff_factor=0.05, backoff_max=0.5, status_forcelist=[503])
    urllib3.request("GET", url, retries=patient, timeout=5)
