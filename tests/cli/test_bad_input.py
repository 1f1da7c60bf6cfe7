"""What cannot be used is said in a sentence with the next step; nothing is lost, and nothing raises a traceback."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

RECORDING = min((Path(__file__).parents[2] / "workbench/bench/recordings").glob("shop-*"))
"""One of the recordings that ship."""
GOOD = "services:\n  checkout:\n    image: shop/checkout:1\n"
LABELS = "SELECT ?l { ?x a wb:Service ; rdfs:label ?l } ORDER BY ?l"


def labels(workbench: Any) -> list[str]:
    return workbench("query", LABELS, "--format", "csv").out.split()[1:]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"version": "4", "alerts": [', "not json"),
        ("", "not json"),
        ("\ufeff[1, 2", "not json"),
        ("[" * 100_000, "not json"),
        ("[]", "not an object"),
        ('"slow"', "not an object"),
        ("{}", "no list of alerts"),
        ('{"version": "4", "alerts": []}', "no list of alerts"),
        ('{"alerts": [7]}', "not an object"),
        ('{"alerts": [{"labels": {"alertname": "A"}}]}', "startsAt"),
        ('{"alerts": [{"labels": {}, "startsAt": "2026-01-31T03:00:00Z"}]}', "labels"),
        ('{"alerts": [{"labels": {"alertname": "A"}, "startsAt": "yesterday"}]}', "yesterday"),
    ],
)
@pytest.mark.parametrize("verb", ["open", "investigate"])
def test_an_alert_that_cannot_be_used_is_refused(
    lived_in: Any, tmp_path: Path, verb: str, text: str, said: str
) -> None:
    """Malformed JSON, and JSON that is no payload, are refused by name; no notebook is made."""
    file = tmp_path / "payload.json"
    file.write_text(text)

    lived_in(verb, file).refused(said)

    assert not list(lived_in.home.rglob("*.ipynb"))


def test_bytes_that_are_no_text_are_refused(lived_in: Any, tmp_path: Path) -> None:
    """A file in no encoding of text is refused like any other that is not JSON."""
    file = tmp_path / "payload.json"
    file.write_bytes(b"\x80\x81\xff\x00" * 40)

    lived_in("open", file).refused("not JSON")


def test_a_bad_alert_does_not_lose_its_good_neighbour(
    workbench: Any, payload: Mapping[str, Any], tmp_path: Path
) -> None:
    """Of a good and a bad alert in one payload, the good one gets its notebook, the bad one a sentence."""
    file = tmp_path / "payload.json"
    file.write_text(json.dumps({**payload, "alerts": [{"labels": {}}, *payload["alerts"]]}))

    ran = workbench("open", file)

    ran.refused("Alert 1 of 2")
    assert Path(ran.out.split()[0]).is_file()


@pytest.mark.parametrize("verb", ["open", "investigate"])
@pytest.mark.parametrize("name", ["nosuch", "checkoutslow-1-20260101t030000z", "Ünknown", ";", "-- "])
def test_an_unknown_alert_is_refused(lived_in: Any, verb: str, name: str) -> None:
    """An id that the journal does not hold is said to be unknown, with the way to list what there is."""
    lived_in(verb, "--", name).refused("unknown", "workbench open --list")


@pytest.mark.parametrize("verb", ["open", "investigate"])
@pytest.mark.parametrize("name", ["gone.json", "gone/case", "./gone", "../../etc/gone"])
def test_a_missing_file_or_folder_is_refused(lived_in: Any, verb: str, name: str) -> None:
    """What looks like a path is not taken for an alert's id: the sentence says that there is no such file."""
    lived_in(verb, name).refused("no file or folder", name)


def test_a_folder_without_a_case_is_refused(lived_in: Any, tmp_path: Path) -> None:
    """A folder that is no recorded case is refused with what would make it one."""
    lived_in("investigate", tmp_path).refused("case.json")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"case_id": "a", "window_abnormal": 7}'])
def test_a_case_that_cannot_be_read_is_refused(lived_in: Any, tmp_path: Path, text: str) -> None:
    """A case.json that is no JSON, or lacks what a case needs, is refused by name."""
    (tmp_path / "case.json").write_text(text)

    lived_in("investigate", tmp_path).refused("case.json")


def test_a_traceback_is_shown_only_when_asked_for(lived_in: Any) -> None:
    """`--debug`, before the verb or after it, adds the traceback to the very same sentence."""
    plain = lived_in("open", "nosuch")

    for words in (("--debug", "open", "nosuch"), ("open", "nosuch", "--debug")):
        ran = lived_in(*words)
        assert ran.code != 0
        assert "Traceback" in ran.err
        assert plain.err.splitlines()[0] in ran.err


def test_a_broken_manifest_does_not_hide_the_good_ones(
    workbench: Any, folder: Callable[[Mapping[str, str]], Path]
) -> None:
    """The broken file is named with its reason, the exit code says so, and the good ones are in the graph."""
    good = "apiVersion: v1\nkind: Service\nmetadata: {name: checkout}\nspec: {ports: [{port: 80}]}\n"
    root = folder(
        {
            "a/good.yaml": good,
            "b/broken.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: [\n",
            "c/fine.yaml": good,
        }
    )

    ran = workbench("scan", "kubernetes", root)

    ran.refused("b/broken.yaml", "scan again")
    assert labels(workbench) == ["checkout"]


def test_a_manifest_that_broke_takes_nothing_away(workbench: Any, folder: Callable[[Mapping[str, str]], Path]) -> None:
    """What was scanned stays in the graph when its file is broken at the next scan."""
    two = GOOD + "  payment:\n    image: shop/payment:1\n"
    workbench("scan", "compose", folder({"compose.yaml": two}))

    workbench("scan", "compose", folder({"compose.yaml": two + "  :::\n\t- ["})).refused("scan again")

    assert labels(workbench) == ["checkout", "payment"]


def test_a_missing_target_is_refused_before_anything_is_scanned(
    workbench: Any, folder: Callable[[Mapping[str, str]], Path]
) -> None:
    """One target that is not there refuses the whole command, so that nobody takes half of it for all."""
    workbench("scan", "compose", folder({"compose.yaml": GOOD}), "gone").refused("gone")

    assert labels(workbench) == []


@pytest.mark.parametrize("scanner", ["compose", "kubernetes", "source", "terraform"])
def test_an_empty_folder_is_said(lived_in: Any, tmp_path: Path, scanner: str) -> None:
    """A folder without anything for the scanner is not a success: the sentence says what was looked for."""
    (tmp_path / "empty").mkdir()

    ran = lived_in("scan", scanner, tmp_path / "empty")

    assert ran.code != 0
    assert "Traceback" not in ran.err
    assert "Next:" in ran.out + ran.err
    assert str(tmp_path / "empty") in ran.out + ran.err


def test_an_unknown_scanner_is_refused_with_the_known_ones(lived_in: Any, tmp_path: Path) -> None:
    """The refusal lists every scanner."""
    lived_in("scan", "nagios", tmp_path).refused("nagios", "compose", "kubernetes", "source", "terraform")


def test_a_syntax_error_shows_its_place(lived_in: Any) -> None:
    """The line and the column where the wrong word begins stand in the sentence, with a caret under the place."""
    ran = lived_in("query", "SELECT ?x {\n  ?x a wb:Service\n  FILTR(?x) }")

    ran.refused("line 3, column 3")
    lines = ran.err.splitlines()
    under = next(n for n, line in enumerate(lines) if line.endswith("^"))
    assert lines[under - 1][lines[under].index("^") :] == "FILTR(?x) }"


@pytest.mark.parametrize(
    ("sparql", "said"),
    [
        ("INSERT DATA { <urn:a> <urn:b> <urn:c> }", "INSERT"),
        ("DELETE WHERE { ?s ?p ?o }", "DELETE"),
        ("DROP ALL", "DROP"),
        ("LOAD <http://127.0.0.1:9/x>", "LOAD"),
        ("SELECT * { SERVICE <http://127.0.0.1:9/sparql> { ?s ?p ?o } }", "SERVICE"),
        ("SELECT * FROM <http://127.0.0.1:9/g> { ?s ?p ?o }", "FROM"),
    ],
)
def test_a_query_that_writes_or_reaches_out_is_refused(lived_in: Any, sparql: str, said: str) -> None:
    """Updates, SERVICE and FROM are refused by name."""
    lived_in("query", sparql).refused(said)


@pytest.mark.parametrize(
    ("name", "value"), [("THRESHOLD", "2"), ("BUDGET_QUESTIONS", "many"), ("BUDGET_DOLLARS", "-1")]
)
def test_a_setting_that_cannot_be_used_is_named(workbench: Any, name: str, value: str) -> None:
    """Every verb refuses a bad setting by its variable, before it does anything."""
    for words in (("open", "--list"), ("doctor",), ("query", LABELS)):
        workbench(*words, **{name: value}).refused(f"WORKBENCH_{name}")

    assert not workbench.home.exists()


def test_a_settings_file_that_is_no_toml_is_named(workbench: Any) -> None:
    """A broken settings.toml is refused by its path."""
    workbench.home.mkdir()
    (workbench.home / "settings.toml").write_text("threshold = = 1\n")

    workbench("open", "--list").refused("settings.toml")


@pytest.mark.parametrize(
    "words",
    [
        ("open", "--list"),
        ("investigate", RECORDING.name),
        ("scan", "compose", "."),
        ("demo", "--headless"),
    ],
    ids=" ".join,
)
def test_a_data_folder_that_cannot_be_made_is_refused(workbench: Any, words: tuple[str, ...]) -> None:
    """Where WORKBENCH_HOME lies under a file, the sentence names it, and the way to name another."""
    workbench(*words, HOME="/dev/null/x").refused("/dev/null/x", "WORKBENCH_HOME")


def test_doctor_says_what_is_wrong_with_the_data_folder(workbench: Any) -> None:
    """The doctor does not fall over a data folder that cannot be made: it names it and goes on."""
    ran = workbench("doctor", HOME="/dev/null/x")

    assert ran.code == 1
    assert "WRONG  data folder" in ran.out
    assert "ok     python" in ran.out
    assert "Traceback" not in ran.out + ran.err


def test_a_folder_where_a_file_should_be_written_is_refused(workbench: Any, small_case: Path) -> None:
    """Where the notebooks folder is a file, no notebook is made, and the sentence names the place."""
    workbench.home.mkdir()
    (workbench.home / "notebooks").write_text("in the way")

    workbench("open", small_case).refused("notebooks")

    assert (workbench.home / "notebooks").read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_journal_that_may_not_be_written_is_refused(workbench: Any, small_case: Path) -> None:
    """A read-only data folder is refused, and the journal in it stays as it was."""
    workbench("investigate", small_case)
    journal = workbench.home / "journal.db"
    before = journal.read_bytes()
    journal.chmod(0o400)
    workbench.home.chmod(0o500)
    try:
        workbench("investigate", small_case, "--again").refused("journal", "writable")
    finally:
        workbench.home.chmod(0o700)
    assert journal.read_bytes() == before


def test_a_journal_that_cannot_be_opened_is_refused(workbench: Any, small_case: Path) -> None:
    """Where something that is no file stands in the journal's place, the sentence names it, and it is left there."""
    (workbench.home / "journal.db").mkdir(parents=True)

    workbench("investigate", small_case).refused("journal.db", "WORKBENCH_HOME")

    assert (workbench.home / "journal.db").is_dir()


def test_a_damaged_episode_is_refused_by_name(workbench: Any, small_case: Path) -> None:
    """An episode whose record was cut short is named, and left as it is."""
    record = workbench.home / "episodes" / "case-a" / "episode.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"id": "case-a", ')

    workbench("episodes", "list").refused("case-a")

    assert record.read_text() == '{"id": "case-a", '


def test_a_damaged_journal_is_refused_and_left_as_it_is(workbench: Any, small_case: Path) -> None:
    """A journal whose bytes were overwritten is not written to; the way to save what it holds is said."""
    workbench("investigate", small_case)
    journal = workbench.home / "journal.db"
    journal.write_bytes(b"not a database at all\n" * 500)
    before = journal.read_bytes()

    for words in (("investigate", small_case), ("open", "--list")):
        workbench(*words).refused("journal.db", "damaged", ".recover")
    doctor = workbench("doctor")

    assert journal.read_bytes() == before
    assert (doctor.code, "WRONG  journal" in doctor.out) == (1, True)


@pytest.mark.parametrize("size", [0, 200, 20_000])
def test_a_corrupted_table_is_one_source_that_failed(workbench: Any, tmp_path: Path, size: int) -> None:
    """With metrics.parquet cut short the investigation goes on, and the coverage says what failed and why."""
    folder = tmp_path / "case"
    shutil.copytree(RECORDING, folder)
    os.truncate(folder / "metrics.parquet", size)

    ran = workbench("investigate", folder, "--json")
    case = json.loads(ran.out)
    covered = {each["channel"]: each for each in case["coverage"]}

    assert (ran.code, "Traceback" in ran.err) == (0, False)
    assert covered["metrics"]["status"] == "failed"
    assert "metrics.parquet" in covered["metrics"]["note"]
    assert {covered[channel]["status"] for channel in ("traces", "logs", "changes")} <= {"checked", "silent"}


def test_a_corrupted_graph_is_refused_by_name(workbench: Any, small_case: Path, tmp_path: Path) -> None:
    """A recorded graph that is cut short is refused: its sentence names the file."""
    folder = tmp_path / "case"
    shutil.copytree(small_case, folder)
    (folder / "graph.nq.gz").write_bytes((RECORDING / "graph.nq.gz").read_bytes()[:300])

    workbench("investigate", folder).refused("graph.nq.gz")


def test_claude_without_a_key_is_refused(lived_in: Any) -> None:
    """Who asks for Claude and has no key is told so, instead of being given the other reasoner in silence."""
    lived_in("investigate", RECORDING.name, "--reasoner", "claude").refused("key", "WORKBENCH_ANTHROPIC_API_KEY")


def test_bench_names_what_is_missing(lived_in: Any, small_case: Path, tmp_path: Path) -> None:
    """A folder that is not there, one without a case, and a place that cannot be written are each refused by name."""
    lived_in("bench", "run", "--cases", tmp_path / "gone").refused("gone")
    lived_in("bench", "run", "--cases", tmp_path).refused("holds no case")
    lived_in("bench", "run", "--cases", small_case, "--json", tmp_path / "no" / "x.json").refused("x.json")


def test_bench_counts_a_broken_case_and_runs_the_others(workbench: Any, small_case: Path, tmp_path: Path) -> None:
    """One case that cannot be read is named with its reason, and the others are still scored."""
    shutil.copytree(small_case, tmp_path / "cases" / "good")
    (tmp_path / "cases" / "bad").mkdir()
    (tmp_path / "cases" / "bad" / "case.json").write_text("{")

    ran = workbench("bench", "run", "--cases", tmp_path / "cases", "--json", tmp_path / "out.json")
    cases = {each["case_id"]: each for each in json.loads((tmp_path / "out.json").read_text())["cases"]}

    assert "Traceback" not in ran.out + ran.err
    assert "bad" in ran.out
    assert cases["bad"]["crash"]
    assert cases["small-shop-1"]["ended"] == "concluded"


@pytest.mark.parametrize("words", [("show", "nosuch"), ("forget", "nosuch", "--yes"), ("show", "../../etc")])
def test_an_unknown_episode_is_refused(lived_in: Any, words: tuple[str, ...]) -> None:
    """An episode that is not there is refused with the way to list them."""
    lived_in("episodes", *words).refused("no episode", "workbench episodes list")


def test_an_unknown_incident_is_refused_with_those_that_ship(lived_in: Any) -> None:
    """The demo names the recordings that it has."""
    lived_in("demo", "--headless", "--incident", "meteor").refused("meteor", RECORDING.name)


@pytest.mark.parametrize("words", [("investigat",), ("scan",), ("query",), ("query", "ASK {}", "--format", "xml")])
def test_a_word_too_many_or_too_few_is_refused(lived_in: Any, words: tuple[str, ...]) -> None:
    """A mistyped verb, a missing argument and an unknown format are refused with the way to the help."""
    lived_in(*words).refused()
