"""The data folder, before anything is written into it."""

from __future__ import annotations

from pathlib import Path

from ontology.errors import NotAllowed


def writable(folder: Path) -> Path:
    """Return the folder, made where it was not there.

    Raises:
        NotAllowed: it cannot be made, or nothing can be written into it.
    """
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise NotAllowed(
            f"{folder} cannot be written: {error.strerror or error}.",
            next_step="Set WORKBENCH_HOME to a folder of yours.",
        ) from error
    return folder
