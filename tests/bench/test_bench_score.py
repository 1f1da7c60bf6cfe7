"""The arithmetic of the scorer, and what the bench does with what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ontology.errors import BadInput, NotFound
from workbench.bench import report
from workbench.bench.run import cases, run
from workbench.bench.score import Outcome, accuracy, average, collapsed, scored


def outcome(case_id: str, *suspects: str, dataset: str = "shop", folder: Path = Path(), **fields: object) -> Outcome:
    modes = ("dependency-slow",) * len(suspects)
    return Outcome(case_id, dataset, folder, suspects, modes, **fields)  # type: ignore[arg-type]


def answer(folder: Path, case_id: str, **fields: object) -> None:
    (folder / f"{case_id}.json").write_text(json.dumps(fields), encoding="utf-8")


def test_accuracy_counts_ranks_within_k_and_a_missing_rank_as_a_miss() -> None:
    """Ranks 1, 2, 4 and none: a quarter at 1, half at 3, and the mean of AC@1 to AC@5."""
    ranks = [1, 2, 4, None]
    assert [accuracy(ranks, k) for k in range(1, 6)] == [0.25, 0.5, 0.5, 0.75, 0.75]
    assert average(ranks) == pytest.approx(0.55)


def test_pods_are_collapsed_to_services_before_ranking() -> None:
    """Two pods of one service take one place; another dataset's `-db` is a service of its own."""
    names = ["cart-75d494679c-qdl5c", "cart-75d494679c-aaaaa", "user-db"]
    assert collapsed(names, "shop") == ["cart", "user-db"]
    assert collapsed(names, "rcd-sockshop") == ["cart", "user"]


def test_a_crash_is_a_failure_and_not_a_ranking(tmp_path: Path) -> None:
    """One right case and one crash: n is 2 and AC@1 is one half, and the crash is told."""
    answer(tmp_path, "a", root_cause="pay")
    answer(tmp_path, "b", root_cause="pay")
    results = scored([outcome("a", "pay"), outcome("b", crash="KeyError: 'x'")], tmp_path)
    figures = report.payload(results)["datasets"]["shop"]
    assert (figures["n"], figures["ac@1"]) == (2, 0.5)
    assert "crashed: b: KeyError" in report.table(results)


def test_of_two_faults_at_once_either_is_right(tmp_path: Path) -> None:
    """The other fault of a case counts with its own failure mode, not with the first one's; a stranger does not."""
    answer(
        tmp_path,
        "a",
        root_cause="pay",
        failure_mode="code-error",
        failure_mode_also=["bad-release"],
        also=[{"root_cause": "cart", "failure_mode": "dependency-slow"}],
        family="two at once",
    )
    other, first, stranger = (scored([outcome("a", name)], tmp_path).scores[0] for name in ("cart", "pay", "web"))
    assert (other.rank, other.right_mode, other.family) == (1, True, "two at once")
    assert (first.rank, first.right_mode) == (1, False)
    assert stranger.rank is None


def test_a_case_without_an_answer_is_unscored_and_not_wrong(tmp_path: Path) -> None:
    """It is listed, and is no part of n."""
    results = scored([outcome("a", "pay", folder=tmp_path)])
    assert report.payload(results)["datasets"]["shop"]["n"] == 0
    assert report.payload(results)["cases"][0]["scored"] is False


def test_a_faultless_case_is_right_when_nothing_is_surfaced(tmp_path: Path) -> None:
    """Where nothing was at fault there is no rank; quiet is right and loud is told as wrong."""
    answer(tmp_path, "q", root_cause=None)
    quiet = scored([outcome("q", "pay")], tmp_path).scores[0]
    loud = scored([outcome("q", "pay", surfaced=True)], tmp_path)
    assert (quiet.rank, quiet.quiet, loud.scores[0].quiet) == (None, True, False)
    assert "not quiet" in report.table(loud)


def test_the_payload_has_exactly_the_documented_keys(tmp_path: Path) -> None:
    """Top level and datasets hold what is promised, no more."""
    answer(tmp_path, "a", root_cause="pay")
    payload = report.payload(scored([outcome("a", "pay")], tmp_path))
    assert set(payload) == {"validity", "datasets", "average", "faultless", "groups", "cases"}
    rates = {"ac@1", "ac@3", "ac@5", "avg@5", "cause_accuracy", "joint@1", "abstained", "false_blame"}
    belief = {"precision_surfaced", "share_surfaced", "auroc", "ece", "brier_skill", "augrc"}
    counts = {"n", "cases", "crashed", "unscored", "quiet_n", "intervals"}
    costs = {"seconds_per_case", "seconds_median", "dollars_per_case"}
    assert set(payload["datasets"]["shop"]) == rates | belief | counts | costs
    assert json.loads(json.dumps(payload)) == payload


@pytest.mark.parametrize("place", ["a.json", "a/truth.json", "deep/er/a/truth.json"])
def test_an_answer_is_found_wherever_it_may_stand(tmp_path: Path, place: str) -> None:
    """As a file named by the case, in a folder named by it, or in a copy of the tree of cases."""
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text('{"root_cause": "pay"}', encoding="utf-8")
    assert scored([outcome("a", "web", "pay")], tmp_path).scores[0].rank == 2


def test_the_failure_mode_counts_only_where_the_service_is_right(tmp_path: Path) -> None:
    """The right mode for the wrong service is not right."""
    answer(tmp_path, "a", root_cause="pay", failure_mode="dependency-slow")
    assert scored([outcome("a", "pay")], tmp_path).scores[0].right_mode is True
    assert scored([outcome("a", "web")], tmp_path).scores[0].right_mode is False


def test_a_broken_case_among_others_is_a_crash_with_its_reason(tmp_path: Path) -> None:
    """A folder whose case.json is no JSON does not end the run, and is told with the reason."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "case.json").write_text("{", encoding="utf-8")
    told: list[str] = []
    results = run([tmp_path], progress=lambda done, n, each: told.append(f"{done}/{n} {each.case_id}"))
    assert told == ["1/1 broken"]
    assert results.scores[0].outcome.crash.startswith("BadInput")


def test_wrong_arguments_are_said_with_a_next_step(tmp_path: Path) -> None:
    """No case in the folder, no folder of answers, an unreadable answer, an unknown reasoner: each a clear error."""
    with pytest.raises(NotFound, match="holds no case"):
        cases([tmp_path])
    with pytest.raises(NotFound, match="no folder"):
        scored([], tmp_path / "nowhere")
    (tmp_path / "a.json").write_text("[", encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be read"):
        scored([outcome("a", "pay")], tmp_path)
    with pytest.raises(BadInput, match="reasoner"):
        run([tmp_path], reasoner="oracle")
