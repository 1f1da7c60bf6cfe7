"""Bring a database to its newest form: `python -m shop.migrate FOLDER` applies what is new in `migrations/FOLDER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .runtime.database import connect


def migrate(url: str, folder: Path) -> list[str]:
    """Apply what is new, each file in one transaction, and return the names of the files."""
    with connect(url) as link:
        link.execute("CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY)")
        known = {row[0] for row in link.execute("SELECT name FROM schema_migrations").fetchall()}
        fresh = [path for path in sorted(folder.glob("*.sql")) if path.name not in known]
        for path in fresh:
            with link.transaction():
                link.execute(path.read_bytes())
                link.execute("INSERT INTO schema_migrations VALUES (%s)", (path.name,))
    return [path.name for path in fresh]


def main() -> None:
    """Migrate the database that the environment names."""
    done = migrate(os.environ["DATABASE_URL"], Path(__file__).parent / "migrations" / sys.argv[1])
    sys.stdout.write(f"{', '.join(done) or 'nothing'} applied\n")


if __name__ == "__main__":
    main()
