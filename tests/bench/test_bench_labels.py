"""The labels of data sets in our words: what the table holds, and how the scorer joins taxonomy, object and cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from ontology import terms
from workbench.bench.labels import CAUSES, TAXONOMY, fits
from workbench.bench.score import Outcome, Score


def test_labels_lead_to_causes_and_modes_of_the_taxonomy() -> None:
    """Every cause and every mode that a label stands for exists, and each labelled cause is of a labelled class."""
    modes = set().union(*TAXONOMY.values())
    ours = set().union(*CAUSES.values())

    assert ours <= set(terms.CAUSES)
    assert modes <= set(terms.FAILURE_MODES)
    assert {terms.CAUSES[cause] for cause in ours} <= modes


def test_a_cause_of_no_table_is_compared_as_it_stands() -> None:
    """Cases of our own carry our own words."""
    assert fits("", "quota-cpu", "admission-refused", "quota-cpu")
    assert not fits("", "quota-cpu", "admission-refused", "")


@pytest.mark.parametrize(
    ("suspect", "mode", "cause", "right"),
    [
        ("cart", "start-failure", "image-not-found", True),
        ("mail", "start-failure", "image-not-found", False),
        ("cart", "start-failure", "registry-unresolved", False),
        ("cart", "bad-release", "image-not-found", False),
    ],
)
def test_joint_needs_object_taxonomy_and_cause(suspect: str, mode: str, cause: str, right: bool) -> None:
    """One of the three wrong, and the case is not joint."""
    outcome = Outcome("c", "set", Path(), (suspect,), (mode,), causes=(cause,))
    assert Score(outcome, "cart", cause="incorrect_image_reference", taxonomy="Startup_Fault").joint is right


def test_joint_says_nothing_where_no_cause_is_known() -> None:
    """A data set without causes has no joint score; a crash with a known cause is wrong, not unscored."""
    assert Score(Outcome("c", "set", Path(), ("cart",), ("crash-loop",), causes=("",)), "cart").joint is None
    assert Score(Outcome("c", "set", Path(), ()), "cart", cause="quota-cpu").joint is False
