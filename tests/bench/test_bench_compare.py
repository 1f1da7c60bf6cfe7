"""Two runs side by side, a run taken up again, a page of several: what `bench compare`, `--resume` and `report` say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ontology.errors import BadInput
from workbench.bench import compare, page, progress, report
from workbench.bench.run import run
from workbench.bench.score import Results, Score
from workbench.cli import workbench as main

RECORDINGS = Path(report.__file__).parent / "recordings"


def result(ranks: dict[str, int | None], dataset: str = "shop") -> dict[str, Any]:
    """Return what `bench run --json` would hold of these ranks."""
    rows = [
        {"case_id": name, "dataset": dataset, "root_cause": "pay", "rank": rank, "seconds": 1.0, "dollars": 0.0}
        for name, rank in ranks.items()
    ]
    return {"cases": rows}


def test_every_case_that_changed_is_named_and_what_got_worse_comes_first() -> None:
    """One lost, one won, one the same: two changes, the loss before the gain, both with their ranks."""
    told = compare.told(
        compare.compared(result({"a": 1, "b": 3, "c": 1}), result({"a": None, "b": 1, "c": 1}))
    ).splitlines()
    assert told[-2:] == ["worse: a: rank 1 -> not named", "better: b: rank 3 -> rank 1"]


def test_few_changes_are_called_noise_and_many_are_not() -> None:
    """Two of twenty won is no more than noise; twelve of twenty won and none lost is better."""
    before = result({f"c{n}": 2 for n in range(20)})
    few = compare.compared(before, result({f"c{n}": 1 if n < 1 else 2 if n < 19 else 3 for n in range(20)}))
    many = compare.compared(before, result({f"c{n}": 1 if n < 12 else 2 for n in range(20)}))
    assert [few[0].verdict, many[0].verdict] == ["no more than noise", "better"]
    assert many[0].p < 0.01


def test_runs_without_a_shared_case_are_refused() -> None:
    """Other cases, or a file of something else: a clear error."""
    with pytest.raises(BadInput, match="share no scored case"):
        compare.compared(result({"a": 1}), result({"b": 1}))
    with pytest.raises(BadInput, match="no result"):
        compare.compared({"cases": [{"x": 1}]}, result({"b": 1}))


def test_a_run_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    """After a first case and half a line of a second, only the cases that lack are run again, with equal results."""
    file, folders = tmp_path / "run.jsonl", sorted(RECORDINGS.glob("shop-*"))[:2]
    first = run([folders[0]], reasoner="n-sigma", resume=file)
    file.write_text(file.read_text() + '{"reasoner": "n-sigma", "co')
    told: list[str] = []
    both = run(
        folders, reasoner="n-sigma", resume=file, progress=lambda done, n, it: told.append(f"{done}/{n} {it.case_id}")
    )
    again = run(folders, reasoner="n-sigma", resume=file, progress=lambda *_: told.append("again"))
    assert told == [f"2/2 {folders[1].name}"]
    assert both.scores[0] == first.scores[0]
    assert again == both


def test_what_another_reasoner_or_other_code_found_is_not_taken_up(tmp_path: Path) -> None:
    """A kept outcome counts for its own reasoner and its own code alone."""
    file, folder = tmp_path / "run.jsonl", sorted(RECORDINGS.glob("shop-*"))[0]
    run([folder], reasoner="random", resume=file)
    assert not progress.read(file, "n-sigma")
    file.write_text(file.read_text().replace(progress.version(), "older"))
    assert not progress.read(file, "random")
    file.write_text('{"x": 1}\n')
    with pytest.raises(BadInput, match="no file of a run"):
        progress.read(file, "random")


def test_several_at_a_time_find_what_one_at_a_time_finds(tmp_path: Path) -> None:
    """Two processes, three cases: the same suspects in the same order."""
    folders = sorted(RECORDINGS.glob("shop-*"))[:3]
    alone, together = run(folders, reasoner="two-sided-z"), run(folders, reasoner="two-sided-z", jobs=2)
    assert [s.outcome.suspects for s in together.scores] == [s.outcome.suspects for s in alone.scores]


def test_the_page_holds_every_run_and_asks_nothing_of_a_network(tmp_path: Path) -> None:
    """Both runs, their cases and a threshold to move; markup in a name is shown, not obeyed; no script's address."""
    folders = sorted(RECORDINGS.glob("shop-*"))[:2]
    results = {
        name: json.loads(json.dumps(report.payload(run(folders, reasoner=name)))) for name in ("random", "n-sigma")
    }
    results["n-sigma"]["cases"][0]["suspects"] = ["<img src=x onerror=alert(1)>"]
    text = page.page(results)
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text
    assert "Cases of random" in text
    assert "Cases of n-sigma" in text
    assert '<script src="' not in text
    assert text.count('"prefix":"threshold "') == len(results)


def test_an_empty_run_has_no_rates(tmp_path: Path) -> None:
    """Nothing scored: every rate is None and shown as a dash."""
    folders = sorted(RECORDINGS.glob("shop-*"))[:1]
    scores = tuple(Score(each.outcome, None, scored=False) for each in run(folders, reasoner="random").scores)
    figures = report.figures(scores)
    assert [figures[key] for key in ("ac@1", "ece", "false_blame", "precision_surfaced")] == [None] * 4
    assert " - " in report.table(Results(scores))


def test_the_verbs_from_run_to_page(tmp_path: Path) -> None:
    """Two runs by the command line, compared and put on a page: each verb ends well and says where the page is."""
    case, say = str(sorted(RECORDINGS.glob("shop-*"))[0]), CliRunner()
    for name in ("random", "n-sigma"):
        words = ["bench", "run", "--cases", case, "--reasoner", name, "--json", str(tmp_path / f"{name}.json")]
        assert say.invoke(main, words).exit_code == 0
    files = [str(tmp_path / "random.json"), str(tmp_path / "n-sigma.json")]
    compared = say.invoke(main, ["bench", "compare", *files])
    assert "change of Avg@5" in compared.output
    out = str(tmp_path / "page.html")
    assert "page.html" in say.invoke(main, ["bench", "report", *files, "--out", out]).output
    assert "<!doctype html>" in Path(out).read_text()
