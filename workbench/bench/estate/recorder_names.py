"""A recorded case told under other names: words in the place of its services, in every table, the graph and the answer.

write_as(Path("recordings/shop-7f3a2c"), shuffled(("gateway", "cart"), seed=3))
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

WORDS = (
    *("amber", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "harbor", "indigo", "juniper", "kestrel"),
    *("lagoon", "maple", "nimbus", "orchid", "pebble", "quartz", "raven", "saffron", "tundra", "umber", "walrus"),
    *("zephyr", "yarrow", "willow", "thistle", "sparrow", "rowan", "plover", "otter", "marten", "larch", "heron"),
)


def shuffled(services: Sequence[str], seed: int) -> dict[str, str]:
    """Return a random word for every service, the same for the same seed."""
    chosen = random.Random(seed).sample(WORDS, len(services))  # noqa: S311  # not a secret
    return dict(zip(sorted(services), chosen, strict=True))


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return the text with every service's name replaced, also within a word: small, in capitals, and with one.

    A step of a pipeline that is called as a service is (`actions/checkout`) stays.

    >>> renamed("PAYMENT_URL=http://payment:8080 PaymentServer actions/payment@v4", {"payment": "walrus"})
    'WALRUS_URL=http://walrus:8080 WalrusServer actions/payment@v4'
    """
    forms = {
        form(name): form(other) for name, other in names.items() for form in (str.lower, str.upper, str.capitalize)
    }
    pattern = "|".join(re.escape(each) for each in sorted(forms, key=len, reverse=True))
    return re.sub(rf"(?<!actions/)(?:{pattern})", lambda found: forms[found[0]], text) if forms else text


def write_as(folder: Path, names: Mapping[str, str]) -> None:
    """Write a case's files anew under these names; a second time is needed for nothing: the old names are gone."""
    for path in sorted(folder.glob("*.parquet")):
        _table(path, names)
    for path in sorted(folder.glob("*.json")):
        path.write_text(renamed(path.read_text(), names))
    graph = folder / "graph.nq.gz"
    if graph.exists():
        text = renamed(gzip.decompress(graph.read_bytes()).decode(), names)
        graph.write_bytes(gzip.compress("".join(sorted(text.splitlines(keepends=True))).encode(), 9, mtime=0))


def _table(path: Path, names: Mapping[str, str]) -> None:
    """Write a table anew, the names replaced in its columns of text; nothing else changes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    for place, column in enumerate(table.schema):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            said = [None if each is None else renamed(each, names) for each in table.column(place).to_pylist()]
            table = table.set_column(place, column, pa.array(said, type=column.type))
    plain = path.stem == "series"  # what repeats there repeats across its rows, which dictionaries would hide
    pq.write_table(table, path, compression="zstd", compression_level=19, use_dictionary=not plain)
