"""An alert's notebook: one safe place, plain Python in it, and never half a file."""

from __future__ import annotations

import ast
import json
import multiprocessing
import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ontology.errors import BadInput, NotAllowed, NotFound
from ontology.nouns import Alert, Window
from workbench.notebook.document import Recovery, compose, create, path_for, read, recover, write

ROUNDS = 200 if os.environ.get("WORKBENCH_SOAK") else 15

HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\x",
    "C:\\x",
    "con",
    "nul",
    "a/b",
    "a\0b",
    "a\nb",
    "%2e%2e%2f",
    "..%2f",
    "%252e%252e",
    "\u2025/x",
    "\uff0e\uff0e\uff0fx",
    "x" * 300,
    "\u202etxt.exe",
    "x.ipynb",
    ".hidden",
    "-rf",
    "~",
    "~root",
    "$HOME",
    "`id`",
    "a;b",
    "a|b",
    "*",
    "?",
    "[a]",
    "a b",
    " ",
    "\t",
    "é",
    "警报",
    "\ud800",
    "A-B",
    "a--b",
    "a.b",
    "a:b",
    "CON.txt",
    "a\\",
    "\x7f",
    "\u200b",
    "..;/x",
    "....//x",
    "file:///x",
    "-",
]


def _alert(alert_id: str = "slow-0af1-20260131t025800z") -> Alert:
    return Alert(alert_id, "Slow", Window.of(1, 2))


def _template(folder: Path) -> Path:
    """Write a small template, with the placeholder in code and in text."""
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# {{alert_id}}"),
            new_code_cell(
                'import workbench as wb\ncase = wb.open("{{alert_id}}")\ncase', metadata={"tags": ["workbench-open"]}
            ),
        ]
    )
    path = folder / "template.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def notary(tmp_path: Path):
    """A notary of our own, so that no test signs anything for the person at this machine."""
    (tmp_path / "data").mkdir()
    with NotebookNotary(data_dir=str(tmp_path / "data")) as own:
        yield own


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_id_stays_a_plain_name_inside_the_folder(tmp_path: Path, name: str):
    """Whatever the id, the notebook lies directly in the folder and its name is [a-z0-9-]{1,80}.ipynb."""
    path = path_for(_alert(name), tmp_path)

    assert path.parent == tmp_path.resolve()
    assert path.suffix == ".ipynb"
    assert set(path.stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 1 <= len(path.stem) <= 80
    assert path.stem[0] != "-"


def test_two_ids_never_share_a_file(tmp_path: Path):
    """Ids that look alike once made safe still lead to files of their own."""
    assert len({path_for(_alert(name), tmp_path) for name in HOSTILE}) == len(HOSTILE)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path):
    """A symbolic link where the notebook should be is not followed out of the folder."""
    root = tmp_path / "incidents"
    root.mkdir()
    (root / "a.ipynb").symlink_to(tmp_path / "elsewhere.ipynb")
    (tmp_path / "incidents-sibling").mkdir()
    (root / "b.ipynb").symlink_to(tmp_path / "incidents-sibling" / "b.ipynb")

    for name in ("a", "b"):
        with pytest.raises(NotAllowed):
            path_for(_alert(name), root)


def test_the_composed_notebook_is_python_that_a_reader_could_have_typed(tmp_path: Path):
    """The opening line is exactly `case = wb.open("<id>")`, and the document says which alert it is."""
    notebook = compose(_alert(), _template(tmp_path))

    assert notebook.cells[1].source.splitlines()[1] == 'case = wb.open("slow-0af1-20260131t025800z")'
    assert notebook.cells[0].source == "# slow-0af1-20260131t025800z"
    assert notebook.metadata["workbench"] == {"alert": "slow-0af1-20260131t025800z", "version": 1}


@pytest.mark.parametrize(
    "name", ['x"); import os; os.abort()#', "a\\", "a\nb", "警报", "\ud83d\ude00", "'", *HOSTILE[:12]]
)
def test_an_id_never_becomes_code(tmp_path: Path, name: str):
    """However it is spelt, the id arrives as one string argument of one call."""
    source = compose(_alert(name), _template(tmp_path)).cells[1].source

    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    assert [ast.literal_eval(call.args[0]) for call in calls] == [name]


def test_written_notebooks_hold_no_widget_state_and_are_trusted(tmp_path: Path, notary: NotebookNotary):
    """Saved widget state is gone, the outputs stay, and Jupyter on this machine trusts the file."""
    notebook = new_notebook(
        cells=[new_code_cell("1", outputs=[new_output("display_data", {"text/html": "<b>1</b>"})])],
        metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": "x" * 1000}}, "workbench": {}},
    )
    path = tmp_path / "deep" / "a.ipynb"

    write(path, notebook, notary=notary)

    kept = nbformat.read(path, as_version=4)
    assert set(kept.metadata) == {"workbench"}
    assert kept.cells[0].outputs[0].data["text/html"] == "<b>1</b>"
    assert notary.check_signature(kept)
    assert "widgets" in notebook.metadata
    assert [each.name for each in path.parent.iterdir()] == ["a.ipynb"]


def test_one_of_many_creators_wins(tmp_path: Path, notary: NotebookNotary):
    """Of eight that create the same notebook at once, one writes; a later one does not overwrite an edit."""
    path = tmp_path / "a.ipynb"
    notary.sign(new_notebook())

    def attempt(n: int) -> bool:
        with NotebookNotary(data_dir=str(tmp_path / "data")) as own:
            return create(path, new_notebook(metadata={"n": n}), notary=own)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(8)))

    assert sum(won) == 1
    assert read(path).metadata["n"] == won.index(True)
    assert not create(path, new_notebook(), notary=notary)
    assert not list(tmp_path.glob(".a.*"))


def test_a_document_that_is_no_notebook_is_never_written(tmp_path: Path, notary: NotebookNotary):
    """A broken document is refused before the good file is touched."""
    path = tmp_path / "a.ipynb"
    write(path, new_notebook(metadata={"n": 1}), notary=notary)
    broken = new_notebook()
    broken["cells"] = [nbformat.from_dict({"cell_type": "code", "id": "a", "source": 5})]

    with pytest.raises(BadInput):
        write(path, broken, notary=notary)
    assert read(path).metadata["n"] == 1


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, notary: NotebookNotary):
    """Where the notebooks folder is in truth a file, the error says what to mend."""
    (tmp_path / "file").write_text("")

    with pytest.raises(NotAllowed, match="WORKBENCH_NOTEBOOKS"):
        write(tmp_path / "file" / "a.ipynb", new_notebook(), notary=notary)


def test_a_missing_and_a_cut_document_are_told_apart(tmp_path: Path):
    """Nothing there is NotFound; half a notebook, an empty file and bytes that are no text are BadInput."""
    path = tmp_path / "a.ipynb"
    with pytest.raises(NotFound):
        read(path)
    for content in (b"", b'{"cells": [', b"[]", b"\xff\xfe", b'{"nbformat": 4}', b'{"nbformat": "x"}', b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(BadInput):
            read(path)


def test_an_empty_document_is_restored_from_the_copy_that_jupyter_keeps(tmp_path: Path):
    """After a save that was killed, the hidden copy comes back byte for byte and the wreck stays beside it."""
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"")
    copy = tmp_path / ".~a.ipynb"
    copy.write_text(json.dumps(new_notebook(metadata={"n": 5})))

    assert recover(path) is Recovery.RESTORED
    assert path.read_bytes() == copy.read_bytes()
    assert len(list(tmp_path.glob("a.broken-*"))) == 1
    assert recover(path) is Recovery.WHOLE


def test_a_document_beyond_repair_is_set_aside(tmp_path: Path):
    """Without a good copy, the place is free for a new notebook and the wreck is kept."""
    path = tmp_path / "a.ipynb"
    path.write_bytes(b'{"cells": [')
    (tmp_path / ".~a.ipynb").write_bytes(b"")

    assert recover(path) is Recovery.LOST
    assert not path.exists()
    assert next(tmp_path.glob("a.broken-*")).read_bytes() == b'{"cells": ['
    assert recover(path) is Recovery.ABSENT


def _write_for_ever(path: Path, data: str, ready: Connection) -> None:
    """Write documents of growing number until killed; say when the first is down."""
    for n in range(10**9):
        with NotebookNotary(data_dir=data) as own:
            write(path, new_notebook(cells=[new_markdown_cell("x" * 200_000)], metadata={"n": n}), notary=own)
        if n == 0:
            ready.send(n)


@pytest.mark.soak
def test_a_kill_during_writes_never_leaves_a_broken_notebook(tmp_path: Path, notary: NotebookNotary):
    """After SIGKILL at random moments of a writing loop, the document parses every time."""
    path = tmp_path / "a.ipynb"
    notary.sign(new_notebook())
    chance = random.Random(3)
    context = multiprocessing.get_context("fork")
    for _ in range(ROUNDS):
        ours, theirs = context.Pipe()
        child = context.Process(target=_write_for_ever, args=(path, str(tmp_path / "data"), theirs))
        child.start()
        assert ours.poll(30)
        child.join(chance.uniform(0, 0.05))
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()

        assert len(read(path).cells[0].source) == 200_000
    assert recover(path) is Recovery.WHOLE
