"""A copy of the shop whose services have other names: folders, files, variables, addresses, packages and all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.bench.estate import recorder_names
from workbench.bench.estate.compose import LEFT_OUT, SHOP, Compose


def services(shop: Path = SHOP) -> tuple[str, ...]:
    """Return the names of the services that the Compose file builds."""
    return tuple(Compose(shop / "compose.yaml").services)


def shuffled(seed: int) -> dict[str, str]:
    """Return a random word for every service, the same for the same seed."""
    return recorder_names.shuffled(services(), seed)


def write(names: Mapping[str, str], folder: Path) -> Path:
    """Write the shop with these names to `folder/shop`, without what a run leaves behind."""
    shop = folder / "shop"
    for source in sorted(SHOP.rglob("*")):
        path = source.relative_to(SHOP)
        if source.is_file() and not {*LEFT_OUT}.intersection(path.parts):
            target = shop / recorder_names.renamed(path.as_posix(), names)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(recorder_names.renamed(source.read_text(), names))
    return shop
