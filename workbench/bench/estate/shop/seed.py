"""Fill the databases of a new shop: `python -m shop.seed`, run once in the folder that holds `data/`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

PRODUCTS = 240


def seed(folder: Path) -> None:
    """Make the products and their stock."""
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "catalog.db") as link:
        link.execute("CREATE TABLE products (id TEXT PRIMARY KEY, name TEXT, cents INTEGER)")
        rows = [(f"p{number}", f"product {number}", 500 + 37 * number) for number in range(PRODUCTS)]
        link.executemany("INSERT INTO products VALUES (?, ?, ?)", rows)
    link.close()
    with sqlite3.connect(folder / "inventory.db") as link:
        link.execute("CREATE TABLE stock (product TEXT PRIMARY KEY, count INTEGER)")
        link.executemany("INSERT INTO stock VALUES (?, ?)", [(f"p{number}", 300) for number in range(PRODUCTS)])
    link.close()


if __name__ == "__main__":
    seed(Path("data"))
