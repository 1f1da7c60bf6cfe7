"""A copy of the shop whose services have other names: files, variables, addresses and all."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

SHOP = Path(__file__).parent / "shop"
ROLES = ("gateway", "catalog", "checkout", "payment", "ledger", "inventory")
WORDS = (
    *("amber", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "harbor", "indigo", "juniper", "kestrel"),
    *("lagoon", "maple", "nimbus", "orchid", "pebble", "quartz", "raven", "saffron", "tundra", "umber", "walrus"),
)


def shuffled(seed: int) -> dict[str, str]:
    """Return a random word for every role, the same for the same seed."""
    return dict(zip(ROLES, random.Random(seed).sample(WORDS, len(ROLES)), strict=True))  # noqa: S311  # not a secret


def plain() -> dict[str, str]:
    """Return every role under its own name."""
    return {role: role for role in ROLES}


def renamed(text: str, names: dict[str, str]) -> str:
    """Return the text with every role's name replaced, in small letters and in capitals.

    >>> renamed("PAYMENT_URL=http://payment:8080", {"payment": "walrus"})
    'WALRUS_URL=http://walrus:8080'
    """
    for role, name in names.items():
        text = text.replace(role, name).replace(role.upper(), name.upper())
    return text


def write(names: dict[str, str], folder: Path) -> Path:
    """Write the shop with these names to `folder/shop`, without what a run leaves behind."""
    shop = folder / "shop"
    for source in sorted(SHOP.rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            target = shop / renamed(source.relative_to(SHOP).as_posix(), names)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(renamed(source.read_text(), names))
    for script in ("launcher.py", "locker.py"):
        shutil.copy(Path(__file__).parent / script, folder / script)
    return shop
