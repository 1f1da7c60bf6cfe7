"""Journal: what must not get lost. One SQLite file (WAL, synchronous FULL) is the system of record.

Lives here: the alerts as they came in and the trail of every case (`journal`), money reserved before a call and
settled after it (`money`), the queue of what was delivered (`queue`), what a person muted (`rules`), what workers found
and whether it was right (`outcomes`), what was told of it and where (`sent`), how a noun becomes text and comes back
equal (`codec`), how its tables do (`tables`), and the file itself: schema, transactions, errors in the words of
a person (`database`), or a PostgreSQL in its place, for many hosts (`postgres`).

May import: the standard library, pandas, pyarrow and psycopg (lazily), psutil, ontology, memory.protocol,
workbench.nouns.

To keep one more thing: add a step to `database.STEPS` (never change an old one), then verbs in a file of its own
that takes the `Database`; a new noun is named in `codec.NOUNS`.
"""

from workbench.journal.journal import Entry, Journal, KeptAlert
from workbench.journal.money import Caps, Ledger, Reservation, Spend
from workbench.journal.queue import Claim, Limits, Place, Progress, Queue

__all__ = [
    "Caps",
    "Claim",
    "Entry",
    "Journal",
    "KeptAlert",
    "Ledger",
    "Limits",
    "Place",
    "Progress",
    "Queue",
    "Reservation",
    "Spend",
]
