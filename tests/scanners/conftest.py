"""What every scanner test needs: facts by their labels, a folder from texts, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.iris import WB
from ontology.nouns import Fact

Said = set[tuple[str, str, Any]]


@pytest.fixture
def said() -> Callable[[Iterable[Fact]], Said]:
    """Facts as (label, predicate without its namespace, label or value)."""

    def by_label(facts: Iterable[Fact]) -> Said:
        known = tuple(facts)
        labels = {fact.subject: fact.object for fact in known if fact.predicate == terms.LABEL}
        return {
            (
                str(labels.get(fact.subject, fact.subject)),
                fact.predicate.removeprefix(WB),
                labels.get(fact.object, fact.object) if isinstance(fact.object, str) else fact.object,
            )
            for fact in known
        }

    return by_label


@pytest.fixture
def estate(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """A folder made of path -> text."""

    def write(files: Mapping[str, str]) -> Path:
        root = tmp_path / "estate"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    return write


@pytest.fixture
def noon() -> Callable[[], datetime]:
    """A clock that stands at noon."""
    return lambda: datetime(2026, 1, 31, 12, tzinfo=UTC)
