"""Every verb does what its help says, and writes only into the data folder."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ontology.iris import service
from workbench.desk.desk import Desk
from workbench.desk.door import take_up
from workbench.nouns import Answered
from workbench.settings import Settings

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ANSWERS = ROOT / "workbench/bench/truth"
RECORDING = (
    ROOT
    / "workbench/bench/recordings"
    / min(path.stem for path in ANSWERS.glob("*.json") if json.loads(path.read_text())["root_cause"])
)
"""A recording that ships, of a fault."""
CALLS = "SELECT ?caller ?callee { ?a wb:calls ?b . ?a rdfs:label ?caller . ?b rdfs:label ?callee } ORDER BY ?caller"
VERBS = [
    (),
    ("demo",),
    ("lab",),
    ("open",),
    ("investigate",),
    ("watch",),
    ("mute",),
    ("grade",),
    ("scan",),
    ("query",),
    ("episodes",),
    ("episodes", "list"),
    ("episodes", "show"),
    ("episodes", "forget"),
    ("episodes", "search"),
    ("episodes", "export"),
    ("episodes", "thread"),
    ("episodes", "accept"),
    ("bench",),
    ("bench", "run"),
    ("doctor",),
]
COMPOSE = """
services:
  checkout:
    image: shop/checkout:1.4.2
    environment:
      PAYMENT_URL: http://payment:8080
    depends_on: [payment]
  payment:
    image: shop/payment:2.0.1
"""
KUBERNETES = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: shop}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers:
        - name: checkout
          image: shop/checkout:1.4.2
          env: [{name: PAYMENT_URL, value: "http://payment:8080"}]
---
apiVersion: v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
"""
SOURCE = """
import os
import requests
from flask import Flask

app = Flask(__name__)


@app.post("/checkout")
def checkout():
    return requests.post(os.environ["PAYMENT_URL"] + "/charge").json()
"""
TERRAFORM = """
resource "aws_db_instance" "orders" {
  identifier     = "orders"
  engine         = "postgres"
  instance_class = "db.t3.micro"
}
"""
ESTATES = {
    "compose": {"compose.yaml": COMPOSE},
    "kubernetes": {"checkout.yaml": KUBERNETES},
    "source": {"checkout/app.py": SOURCE, "checkout/pyproject.toml": '[project]\nname = "checkout"\n'},
    "terraform": {"main.tf": TERRAFORM},
}


@pytest.fixture(scope="module")
def scanned(lived_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A data folder whose graph holds the Compose estate."""
    estate = tmp_path_factory.mktemp("estate")
    (estate / "compose.yaml").write_text(COMPOSE)
    assert lived_in("scan", "compose", estate).code == 0
    return lived_in


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_of_every_verb_shows_an_example(lived_in: Any, verb: tuple[str, ...]) -> None:
    """`--help` exits 0 and shows an example that begins with this very verb."""
    ran = lived_in(*verb, "--help")

    assert (ran.code, ran.err) == (0, "")
    assert f"Example: {' '.join(('workbench', *verb))}" in ran.out


@pytest.mark.parametrize(
    "command", [[BIN / "workbench"], [sys.executable, "-m", "workbench.cli"]], ids=["script", "module"]
)
def test_the_installed_command_runs(command: list[str]) -> None:
    """The script beside the interpreter, and the module where it is not on the PATH, answer with the version."""
    ran = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.fullmatch(r"workbench, version \d+\.\d+\.\d+\n", ran.stdout)


def test_starting_imports_nothing_heavy() -> None:
    """The command line itself, before a verb is named, loads neither pandas nor a model's SDK nor Jupyter."""
    heavy = {"pandas", "anthropic", "scipy", "IPython", "plotly", "jupyterlab"}
    code = f"import sys, workbench.cli; print(*sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.split() == []


@pytest.mark.parametrize("scanner", ESTATES)
def test_scan_fills_the_graph_and_a_second_scan_changes_nothing(
    workbench: Any, folder: Callable[[Mapping[str, str]], Path], scanner: str
) -> None:
    """Each scanner adds facts with labels; scanned again, the same folder adds and removes nothing."""
    target = folder(ESTATES[scanner])

    first = json.loads(workbench("scan", scanner, target, "--json").out)
    again = json.loads(workbench("scan", scanner, target, "--json").out)
    labels = workbench("query", "SELECT ?l { ?x rdfs:label ?l }", "--format", "csv").out.split()[1:]

    assert [(each["complete"], each["problems"]) for each in first] == [(True, [])]
    assert first[0]["added"] > 0
    assert (again[0]["added"], again[0]["removed"], again[0]["unchanged"]) == (0, 0, first[0]["added"])
    assert ("orders" if scanner == "terraform" else "checkout") in labels


def test_query_as_json_is_sparql_results_json(scanned: Any) -> None:
    """One call is one binding, in the SPARQL 1.1 results format; a service's label is its bare name."""
    ran = scanned("query", CALLS, "--format", "json")

    assert (ran.code, ran.err) == (0, "")
    row = {"caller": {"type": "literal", "value": "checkout"}, "callee": {"type": "literal", "value": "payment"}}
    assert json.loads(ran.out) == {"head": {"vars": ["caller", "callee"]}, "results": {"bindings": [row]}}


def test_query_as_csv_is_read_by_any_reader(scanned: Any) -> None:
    """CSV has a head and a row for each solution."""
    rows = list(csv.DictReader(io.StringIO(scanned("query", CALLS, "--format", "csv").out)))

    assert rows == [{"caller": "checkout", "callee": "payment"}]


def test_query_as_a_table_shortens_names(scanned: Any) -> None:
    """The table, which is the default, shows things by short names and leaves an unbound variable blank."""
    ran = scanned("query", "SELECT ?t ?none { ?x a ?t ; rdfs:label 'payment' OPTIONAL { ?x wb:nothing ?none } }")

    assert ran.code == 0
    assert "wb:Service" in ran.out
    assert "None" not in ran.out and "NaN" not in ran.out


def test_a_table_for_a_terminal_holds_nothing_that_it_obeys(scanned: Any) -> None:
    """Escapes in a value are taken out of the table, so that a label cannot draw on a person's screen."""
    ran = scanned("query", r"SELECT ?l { BIND('a\u001b[31mb\u0007' AS ?l) }")

    assert (ran.code, ran.out) == (0, "l\nab\n")


def test_query_reads_standard_input_and_answers_ask(scanned: Any) -> None:
    """A dash takes the query from standard input; ASK is answered with a boolean."""
    ran = scanned("query", "-", "--format", "json", stdin=f"ASK {{ <{service('checkout')}> wb:calls ?x }}")

    assert json.loads(ran.out) == {"head": {}, "boolean": True}


def test_no_rows_are_said(scanned: Any) -> None:
    """A query without a solution says so, instead of printing nothing."""
    ran = scanned("query", "SELECT ?x { ?x rdfs:label 'nobody' }")

    assert (ran.code, "(no rows)" in ran.out) == (0, True)


def test_query_of_an_empty_graph_says_how_to_fill_it(workbench: Any) -> None:
    """Before anything was scanned, an empty answer comes with the next step."""
    ran = workbench("query", CALLS)

    assert (ran.code, "workbench scan" in ran.err) == (0, True)


@pytest.fixture(scope="module")
def investigated(lived_in: Any) -> Any:
    """A shipped recording, investigated to its end: its object."""
    ran = lived_in("investigate", RECORDING.name, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_investigate_prints_the_case_as_its_schema_says(investigated: Any) -> None:
    """`investigate --json` is one object that docs/hypothesis.schema.json allows, most believed first."""
    schema = json.loads((ROOT / "docs/hypothesis.schema.json").read_text())
    beliefs = [each["confidence"] for each in investigated["hypotheses"]]

    assert [error.message for error in Draft202012Validator(schema).iter_errors(investigated)] == []
    assert investigated["ended"] == "concluded"
    assert investigated["hypotheses"][0]["surfaced"]
    assert beliefs == sorted(beliefs, reverse=True)


@pytest.fixture(scope="module")
def resumed(investigated: Any, lived_in: Any) -> Desk:
    """The desk of the case that was investigated, taken up in this process."""
    return take_up(investigated["alert"]["id"], Settings(home=lived_in.home))


def test_every_evidence_can_be_shown_again(investigated: Any, lived_in: Any) -> None:
    """The query of every evidence, in a Python that knows nothing else, shows rows of the observation it names."""
    evidence = [item for each in investigated["hypotheses"] for item in each["evidence"]]
    queries = sorted({item["query"] for item in evidence})
    code = f"import json; print(json.dumps([eval(each).text for each in {queries!r}]))"

    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "WORKBENCH_HOME": str(lived_in.home)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert evidence
    assert all(item["observation"] in item["query"] for item in evidence)
    assert [text for text in json.loads(ran.stdout) if "no rows" in text.lower() or not text] == []


def test_the_query_of_an_observation_gives_its_rows_again(resumed: Desk) -> None:
    """What a source was asked is a line of plain Python that gives the very rows, in any Python with the workbench."""
    answered = [each for each in resumed.case.observations if isinstance(each.reply, Answered)]
    assert answered

    for each in answered:
        imports, _, line = each.reply.query.partition("; ")
        known: dict[str, Any] = {}
        exec(imports, known)
        again = eval(line, known)
        assert len(again) == len(each.table)
        assert list(again.columns) == list(each.table.columns)


def test_a_second_investigation_resumes_and_asks_nothing(investigated: Any, lived_in: Any) -> None:
    """Investigated again, the case says the very same, its spent seconds too: nothing was asked or thought anew."""
    ran = lived_in("investigate", RECORDING.name, "--json")

    assert json.loads(ran.out) == investigated


def test_again_starts_a_case_of_its_own(workbench: Any, small_case: Path) -> None:
    """`--again` investigates anew under another id, and the old case stays as it was."""
    first, again, later = (
        json.loads(workbench("investigate", small_case, "--json", *more).out) for more in ((), ("--again",), ())
    )

    assert again["case"] == f"{first['case']}-2"
    assert later == first
    assert [each["id"] for each in again["hypotheses"]] == [each["id"] for each in first["hypotheses"]]


def test_investigate_tells_a_person_the_cause_and_shows_progress(workbench: Any, small_case: Path) -> None:
    """Without --json the cause stands in the text, and every step was a line on standard error."""
    ran = workbench("investigate", small_case)

    assert ran.code == 0
    assert "payment" in ran.out.split("\n\n")[0]
    assert ran.err.count("Step ") >= 2


def test_open_makes_one_notebook_for_an_alert(workbench: Any, payload: dict[str, Any], tmp_path: Path) -> None:
    """A payload opened twice gives the same notebook, untouched the second time, and its alert is then listed."""
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(payload))

    first = workbench("open", file)
    path, link = first.out.split()
    before = Path(path).read_bytes()
    second = workbench("open", file)
    by_id = workbench("open", link.rpartition("/")[2])

    assert (first.code, second.code, by_id.code) == (0, 0, 0)
    assert first.out == second.out == by_id.out
    assert Path(path).read_bytes() == before
    assert Path(path).is_relative_to(workbench.home / "notebooks")
    assert json.loads(before)["nbformat"] == 4
    assert link.rpartition("/")[2] in workbench("open", "--list").out


def test_open_list_of_a_new_data_folder_says_how_to_begin(workbench: Any) -> None:
    """With no alert yet, the list says what to do and names the recorded incidents."""
    ran = workbench("open", "--list")

    assert (ran.code, "workbench demo" in ran.out, "shop-f3b139" in ran.out) == (0, True, True)


def test_episodes_are_a_list_before_and_after_one_is_saved(workbench: Any, small_case: Path) -> None:
    """`episodes list --format json` is an empty list at first; a demo run without a browser saves one episode."""
    none = json.loads(workbench("episodes", "list", "--format", "json").out)

    demo = workbench("demo", "--headless", "--incident", small_case)
    listed = json.loads(workbench("episodes", "list", "--format", "json").out)
    (one,) = listed
    shown = json.loads(workbench("episodes", "show", one["id"], "--format", "json").out)
    forgotten = workbench("episodes", "forget", one["id"], "--yes")

    assert none == []
    assert demo.code == 0, demo.err
    assert one["notebook"] in demo.out
    assert "Verdict:" in demo.out
    assert one["cause"] == "payment"
    assert shown == one
    assert forgotten.code == 0
    assert json.loads(workbench("episodes", "list", "--format", "json").out) == []


@pytest.mark.parametrize("apart", [True, False], ids=["answers apart", "answers beside"])
def test_bench_writes_its_figures(workbench: Any, small_case: Path, tmp_path: Path, apart: bool) -> None:
    """`bench run --json` holds the five figures for each dataset and a row for each case."""
    out, truth = tmp_path / "results.json", tmp_path / "answers"
    if not apart:
        truth = small_case.parent / "truth"
    truth.mkdir()
    (truth / "small-shop-1.json").write_text('{"root_cause": "payment", "failure_mode": "code-latency"}')

    ran = workbench("bench", "run", "--cases", small_case, "--json", out, *(["--truth", truth] if apart else []))
    results = json.loads(out.read_text())
    figures = results["datasets"]["small-shop"]

    assert ran.code == 0, ran.err
    assert set(results) == {"validity", "datasets", "average", "groups", "cases", "faultless"}
    assert {name: figures[name] for name in ("n", "ac@1", "ac@3", "avg@5")} == {
        "n": 1,
        "ac@1": 1.0,
        "ac@3": 1.0,
        "avg@5": 1.0,
    }
    assert figures["seconds_per_case"] > 0
    assert [(each["case_id"], each["rank"]) for each in results["cases"]] == [("small-shop-1", 1)]
    assert "small-shop" in ran.out


def test_bench_takes_several_folders_after_one_option(workbench: Any, small_case: Path, tmp_path: Path) -> None:
    """`--cases A B` runs both; a case of two datasets' folders is counted in its own dataset."""
    other = tmp_path / "other"
    other.mkdir()
    for file in small_case.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    told = json.loads((other / "case.json").read_text())
    (other / "case.json").write_text(json.dumps({**told, "case_id": "b-1", "dataset": "b"}))

    ran = workbench("bench", "run", "--cases", small_case, other, "--json", tmp_path / "results.json")

    assert ran.code == 0, ran.err
    assert set(json.loads((tmp_path / "results.json").read_text())["datasets"]) == {"small-shop", "b"}


def test_doctor_finds_everything_in_its_place(lived_in: Any) -> None:
    """In a good installation every check is well and the exit code is 0."""
    ran = lived_in("doctor")

    assert (ran.code, "WRONG" in ran.out) == (0, False), ran.out


def test_nothing_is_written_outside_the_data_folder(
    workbench: Any, small_case: Path, payload: dict[str, Any], folder: Callable[[Mapping[str, str]], Path]
) -> None:
    """Scan, query, open, investigate and doctor leave the home, working and temporary folders as they were."""
    estate = folder({"compose.yaml": COMPOSE, "payload.json": json.dumps(payload)})
    before = {*small_case.rglob("*"), *estate.rglob("*")}

    for words in (
        ("scan", "compose", estate),
        ("query", CALLS),
        ("open", estate / "payload.json"),
        ("investigate", small_case),
        ("doctor",),
    ):
        assert workbench(*words).code == 0
    strays = [path for name in ("home", "cwd", "tmp") for path in (workbench.place / name).rglob("*") if path.is_file()]

    assert [path for path in strays if "share/jupyter" not in str(path)] == []  # Jupyter's own list of signatures
    assert {*small_case.rglob("*"), *estate.rglob("*")} == before
    assert (workbench.home / "journal.db").is_file()
