"""Secrets and scripts planted in telemetry, followed through everything that an investigation writes."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from workbench import assembly
from workbench.desk.door import keep_recorded, take_up
from workbench.desk.prepare import backend
from workbench.settings import Settings

CANARIES = {
    "logs": "authorization: Bearer canary0logs0A1b2C3d4E5f6G7h8",
    "traces": "postgres://shop:canary0traces0pass@db:5432/shop",
    "changes": "DB_PASSWORD=canary0changes0Zx9Yw8Vu7",
    "state": '{"api_key": "canary0state0Qw3Er5Ty7Ui9"}',
}
"""A secret in each kind of telemetry; each holds `canary0<kind>0`."""
COLUMN = {"logs": "message", "traces": "message", "changes": "detail", "state": "value"}
SCRIPT = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after an incident whose telemetry held secrets was created, concluded and saved."""
    case = tmp_path_factory.mktemp("case") / "planted"
    shutil.copytree(next(iter(assembly.recordings().values())), case)
    for kind, secret in CANARIES.items():
        path = case / f"{kind}.parquet"
        table = pd.read_parquet(path)
        rows = table.index[table.index % 3 == 0]
        table[COLUMN[kind]] = table[COLUMN[kind]].astype(object)
        table.loc[rows, COLUMN[kind]] = f"{secret} {SCRIPT}"
        table.to_parquet(path)
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    alert = keep_recorded(str(case), settings)
    backend(settings).create(alert)
    desk = take_up(alert.id, settings)
    desk.run()
    desk.save("unresolved")
    for view in (desk.logs(), desk.traces(), desk.timeline(), desk.hypotheses(), desk.screen()):
        shown = json.dumps(view._repr_mimebundle_())
        (settings.home / f"{id(view)}.view").write_text(shown)
    assembly.workplace(str(case), settings).graph.dump(settings.home / "graph.nq")
    return settings.home


def texts(home: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file below the folder, and every value in the journal, unpacked."""
    for path in home.rglob("*"):
        if path.is_file() and not path.name.startswith("journal.db"):
            yield str(path), path.read_bytes()
    with sqlite3.connect(home / "journal.db") as journal:
        for (table,) in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in journal.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    yield table, _unpacked(value)


def _unpacked(value: object) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    if value.startswith(b"PAR1"):
        import io

        return pd.read_parquet(io.BytesIO(value)).to_csv().encode()
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


@pytest.mark.parametrize("kind", sorted(CANARIES))
def test_a_secret_in_telemetry_is_written_nowhere(written: Path, kind: str) -> None:
    """Notebook, journal, episode, graph and views hold no planted secret, from whichever kind of telemetry."""
    canary = f"canary0{kind}0".encode()

    assert not [where for where, text in texts(written) if canary in text]


def test_markup_in_telemetry_stays_text(written: Path) -> None:
    """No HTML that the workbench writes holds a tag or a handler that came from telemetry."""
    shown = [json.loads(path.read_text()) for path in written.glob("*.view")]
    pages = [bundle["text/html"] for bundle in shown]
    for path in (written / "notebooks").glob("*.ipynb"):
        outputs = [output for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", ())]
        pages += ["".join(output["data"].get("text/html", "")) for output in outputs]

    assert pages
    assert not [page for page in pages if "<script" in page or "<img" in page]
