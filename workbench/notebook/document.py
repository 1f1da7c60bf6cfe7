"""An alert as a notebook document: where it lives, what it first says, and how it is written so that it stays whole.

Same alert, same file. A notebook is written beside itself, synced and renamed, so that a reader (or the next start
after a crash) sees the old document or the new one, never half of one. Jupyter's own save copies the old document
aside and then writes in place; `recover` mends what a kill at the wrong moment leaves of that.
"""

# mypy: untyped-calls-exclude=nbformat
# (nbformat says that it is typed, and leaves these functions out)
from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ontology.errors import BadInput, NotAllowed, NotFound, PersonError
from ontology.nouns import Alert

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from nbformat.sign import NotebookNotary

PLACEHOLDER = "{{alert_id}}"
"""Stands for the alert's id in the template; in code it is written inside double quotes."""
OPENING = "workbench-open"
"""Tag of the cell that the lab extension runs when the notebook opens."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_STALE = 3600.0
"""Seconds after which a temporary file belongs to nobody: the process that wrote it was killed."""
_log = logging.getLogger(__name__)


class Recovery(StrEnum):
    """What `recover` found and did."""

    WHOLE = "whole"
    ABSENT = "absent"
    RESTORED = "restored"
    """The document was broken; the copy that Jupyter keeps took its place."""
    LOST = "lost"
    """The document was broken and no copy was good: it was set aside, so that a new one can be composed."""


def path_for(alert: Alert, root: Path) -> Path:
    """Return the one place of this alert's notebook, directly inside `root`: `[a-z0-9-]{1,80}.ipynb`.

    Raises:
        NotAllowed: a symbolic link would lead the write out of `root`.

    >>> from ontology.nouns import Window
    >>> slow = Alert("slow-0af1-20260131t025800z", "Slow", Window.of(0, 1))
    >>> path_for(slow, Path("/srv/incidents")).name
    'slow-0af1-20260131t025800z.ipynb'
    """
    folder = root.resolve()
    path = folder / f"{_name(alert.id)}.ipynb"
    if not path.resolve().is_relative_to(folder):
        raise NotAllowed(
            f"{path.name} is a symbolic link that leads out of the notebooks folder.",
            next_step=f"Remove the link {path}.",
        )
    return path


def template() -> Path:
    """Return the incident template: beside this file in a wheel, in `notebooks/templates` of a checkout."""
    shipped = Path(__file__).parent / "templates" / "incident.ipynb"
    checkout = Path(__file__).parents[2] / "notebooks" / "templates" / "incident.ipynb"
    return shipped if shipped.exists() else checkout


def compose(alert: Alert, source: Path | None = None) -> NotebookNode:
    """Return a notebook for the alert from the template: plain Python that a reader could have typed.

    Raises:
        NotFound: there is no template at `source`.
        BadInput: the template is not a notebook.
    """
    notebook = read(source or template())
    for cell in notebook.cells:
        cell.source = _filled(cell.source, alert.id, code=cell.cell_type == "code")
    notebook.metadata["workbench"] = {"alert": alert.id, "version": 1}
    return notebook


def read(path: Path) -> NotebookNode:
    """Return the notebook at `path`.

    Raises:
        NotFound: nothing is there.
        BadInput: what is there is not a notebook, as after a save that was killed.
    """
    import nbformat

    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFound(f"There is no notebook {path}.", next_step="Open the alert again to create it.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not text, so not a notebook.", next_step="Open the alert again.") from error
    try:
        return _strict(text)
    except (ValueError, RecursionError, nbformat.ValidationError) as error:
        raise BadInput(
            f"{path.name} is not a whole notebook.",
            next_step="Open the alert again: its last good copy is put back, or a new notebook is made.",
        ) from error


def write(path: Path, notebook: NotebookNode, *, notary: NotebookNotary | None = None) -> None:
    """Write the notebook at `path`, whole or not at all, without widget state, signed as trusted.

    Raises:
        NotAllowed: the folder cannot be written, or its disk is full.
        BadInput: it is not a valid notebook.
    """
    with _staged(path, _signed_text(notebook, notary)) as temporary:
        temporary.replace(path)


def create(path: Path, notebook: NotebookNode, *, notary: NotebookNotary | None = None) -> bool:
    """Write the notebook only if nothing is at `path` yet; say whether it was written.

    Of two that create at once one wins, and the other sees the winner's document.

    Raises:
        NotAllowed, BadInput: as `write`.
    """
    with _staged(path, _signed_text(notebook, notary)) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links: look, then rename
            if path.exists():
                return False
            temporary.replace(path)
    return True


def recover(path: Path) -> Recovery:
    """Mend a document that a killed save left empty or cut: put back the copy that Jupyter keeps, newest kind first.

    Nothing is thrown away: what was broken is kept beside it as `<name>.broken-<time>`.
    """
    if not path.exists():
        return Recovery.ABSENT
    if _whole(path):
        return Recovery.WHOLE
    copies = (path.with_name(f".~{path.name}"), path.parent / ".ipynb_checkpoints" / f"{path.stem}-checkpoint.ipynb")
    good = next((copy for copy in copies if _whole(copy)), None)
    with _for_a_person(path):
        shutil.copy2(path, path.with_name(f"{path.stem}.broken-{time.time_ns()}"))
        if good is None:
            path.unlink()
            return Recovery.LOST
    with _staged(path, good.read_text("utf-8")) as temporary:  # byte for byte: trusted only if it was before
        temporary.replace(path)
    return Recovery.RESTORED


def _name(alert_id: str) -> str:
    """Return the id where it is a safe file name already; else what is safe of it and a hash of the whole."""
    if _NAME.fullmatch(alert_id):
        return alert_id
    safe = re.sub(r"[^a-z0-9]+", "-", alert_id.lower()).strip("-")[:67].strip("-")
    return f"{safe or 'alert'}-{hashlib.sha256(alert_id.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def _filled(text: str, alert_id: str, *, code: bool) -> str:
    """Put the id in place of the placeholder: as a Python string in code, as harmless text elsewhere."""
    if not code:
        return text.replace(PLACEHOLDER, _name(alert_id))
    literal = json.dumps(alert_id) if alert_id.isascii() else ascii(alert_id)
    return text.replace(f'"{PLACEHOLDER}"', literal).replace(PLACEHOLDER, _name(alert_id))


def _strict(text: str) -> NotebookNode:
    """Return the notebook that the text is, checked against the format.

    Raises:
        ValueError, nbformat.ValidationError: it is none.
    """
    import nbformat

    document = json.loads(text)
    if not isinstance(document, dict) or document.get("nbformat") != 4:
        raise ValueError("no notebook of format 4")
    nbformat.validate(document)
    notebook: NotebookNode = nbformat.reads(text, as_version=4)
    return notebook


def _whole(path: Path) -> bool:
    """Say whether a whole notebook is at `path`."""
    try:
        read(path)
    except PersonError:
        return False
    return True


@contextlib.contextmanager
def _for_a_person(path: Path) -> Iterator[None]:
    """Turn a refusal of the file system into a sentence."""
    try:
        yield
    except OSError as error:
        raise NotAllowed(
            f"The notebook {path} cannot be written: {error.strerror or error}.",
            next_step=f"Make {path.parent} writable with room on its disk, or set WORKBENCH_NOTEBOOKS.",
        ) from error


@contextlib.contextmanager
def _staged(path: Path, text: str) -> Iterator[Path]:
    """Give a synced temporary file in the same folder that holds the text; sync the folder after the body."""
    with _for_a_person(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        temporary = _synced(path, text)
        try:
            yield temporary
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _signed_text(notebook: NotebookNode, notary: NotebookNotary | None) -> str:
    """Return the document's text without widget state, which holds megabytes of scripts and reopens as nothing."""
    import nbformat

    metadata = {name: value for name, value in notebook.metadata.items() if name != "widgets"}
    document = nbformat.from_dict({**notebook, "metadata": metadata})
    try:
        nbformat.validate(document)
        text: str = nbformat.writes(document, version=nbformat.NO_CONVERT)
        _sign(_strict(text), notary)
    except (ValueError, TypeError, nbformat.ValidationError) as error:
        raise BadInput(
            f"This is not a valid notebook: {error}.", next_step="Compose it anew from the template."
        ) from error
    return text


def _synced(path: Path, text: str) -> Path:
    """Return a new hidden file beside `path` that holds the text and is on the disk; on failure leave none."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _sweep(path: Path) -> None:
    """Remove temporary files of this document that killed writers left."""
    for left in path.parent.glob(f".{glob.escape(path.stem)}.*.tmp"):
        with contextlib.suppress(FileNotFoundError):  # another writer swept it
            if time.time() - left.stat().st_mtime > _STALE:
                left.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sign(notebook: NotebookNode, notary: NotebookNotary | None) -> None:
    """Tell Jupyter on this machine that the document is trusted; without that the lab does not run its opening cell."""
    from jupyter_core.paths import jupyter_data_dir
    from nbformat.sign import NotebookNotary

    try:
        if notary is not None:
            notary.sign(notebook)
            return
        Path(jupyter_data_dir()).mkdir(parents=True, exist_ok=True)
        with NotebookNotary(data_dir=jupyter_data_dir()) as own:
            own.sign(notebook)
    except OSError as error:  # an unsigned document is whole; an unwritten one is lost
        _log.warning("The notebook could not be signed, so it opens as untrusted: %s", error)
