"""A table -> parquet bytes and their content hash, and back to an equal table.

Parquet keeps dtypes, time zones and the index. A column of mixed Python objects (a state's `value` may be a number in
one row and text in the next) has no parquet type; it travels as JSON text, named in the file's metadata.
"""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MIXED = b"workbench.mixed"
"""Metadata key: the columns that travel as JSON text."""


def packed(table: pd.DataFrame) -> tuple[str, bytes]:
    """Return the SHA-256 of the parquet bytes, and the bytes.

    Raises:
        TypeError: a cell is neither a JSON value nor of a type that parquet knows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pa.Table.from_pandas(table)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        arrow = _with_text(table)
    buffer = io.BytesIO()
    pq.write_table(arrow, buffer, compression="zstd")
    data = buffer.getvalue()
    return hashlib.sha256(data).hexdigest(), data


def unpacked(data: bytes) -> pd.DataFrame:
    """Return the table that the parquet bytes hold."""
    import pyarrow.parquet as pq

    arrow = pq.read_table(io.BytesIO(data))
    mixed = json.loads((arrow.schema.metadata or {}).get(MIXED, b"[]"))
    table: pd.DataFrame = arrow.to_pandas()
    for column in mixed:
        table[column] = _objects([_from_text(cell) for cell in table[column]], table)
    return table


def _with_text(table: pd.DataFrame) -> Any:
    """Return the arrow table with every object column as JSON text."""
    import pandas as pd
    import pyarrow as pa

    mixed = [name for name, kind in table.dtypes.items() if pd.api.types.is_object_dtype(kind)]
    text = table.copy()
    for column in mixed:
        text[column] = [json.dumps(cell, allow_nan=True) for cell in table[column]]
    arrow = pa.Table.from_pandas(text)
    return arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), MIXED: json.dumps(mixed).encode()})


def _from_text(cell: str) -> Any:
    return json.loads(cell)


def _objects(cells: list[Any], table: pd.DataFrame) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(cells, index=table.index, dtype=object)
