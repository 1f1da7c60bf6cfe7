"""Every scanner has the same shape and is found by its name."""

from pathlib import Path

import pytest

from ontology.errors import BadInput
from ontology.nouns import Layer
from scanners.catalogue import CATALOGUE, scanner


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_scanner_is_made_by_its_name(name: str, tmp_path: Path) -> None:
    """A scanner knows its name, its layer and its scope before it reads anything."""
    made = scanner(name, tmp_path / "shop", "prod")

    assert made.name == name
    assert isinstance(made.layer, Layer)
    assert made.scope
    assert all(callable(getattr(made, verb)) for verb in ("read", "facts", "scan"))


def test_an_unknown_name_is_told_what_was_meant(tmp_path: Path) -> None:
    """A misspelt scanner names the one that was probably meant."""
    with pytest.raises(BadInput, match="kubernetes"):
        scanner("kubernets", tmp_path)
