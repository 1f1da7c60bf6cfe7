"""What the recorder does to rows and names, and how an impact is measured, by a server that speaks as Prometheus."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

from ontology.errors import Unavailable
from ontology.nouns import Window
from workbench.bench.estate import recorder_graph
from workbench.bench.estate.chaos import processes_of
from workbench.bench.estate.chaos_impact import Meter, alerts, hurt
from workbench.bench.estate.chaos_replay import difference
from workbench.bench.estate.faults import fault
from workbench.bench.estate.faults.nouns import Impact
from workbench.bench.estate.recorder import delivered
from workbench.bench.estate.recorder_names import renamed, shuffled, write_as
from workbench.bench.estate.recorder_sources import Edge, cleaner, kept
from workbench.nouns import Answered, Failed, Modality, Observation, Question, Silent
from workbench.telemetry.log_files import LogFiles

NOW = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
NORMAL, SINCE = (
    Window(NOW - timedelta(seconds=120), NOW - timedelta(seconds=45)),
    Window(NOW - timedelta(seconds=45), NOW),
)
QUESTION = Question(Modality.LOGS, Window(NORMAL.start, NOW))


@contextmanager
def answering(says: Callable[[str, dict[str, str]], Any]) -> Iterator[str]:
    """Serve JSON: what `says` returns for a path and its parameters."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = json.dumps(says(parts.path, asked)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def prometheus(before: dict[str, float], since: dict[str, float]) -> Callable[[str, dict[str, str]], Any]:
    """Answer with a number for the first word that a query holds, by the time that is asked about."""

    def says(path: str, asked: dict[str, str]) -> Any:
        assert path == "/api/v1/query"
        numbers = since if float(asked["time"]) == NOW.timestamp() else before
        found = [value for word, value in numbers.items() if word in asked["query"]]
        result = [{"metric": {}, "value": [0, str(found[0])]}] if found else []
        return {"status": "success", "data": {"resultType": "vector", "result": result}}

    return says


@pytest.mark.parametrize(
    ("impact", "before", "since", "moved"),
    [
        (Impact("gateway", "latency", 1.5), {"quantile": 0.2, "count": 900}, {"quantile": 0.31, "count": 540}, True),
        (Impact("gateway", "latency", 1.5), {"quantile": 0.2, "count": 900}, {"quantile": 0.29, "count": 540}, False),
        (Impact("gateway", "latency", 1.5), {"quantile": 0.2, "count": 900}, {}, True),
        (Impact("gateway", "errors", 0.05), {"5..": 9, "count": 900}, {"5..": 45, "count": 540}, True),
        (Impact("gateway", "errors", 0.05), {"5..": 9, "count": 900}, {"5..": 9, "count": 540}, False),
        (Impact("shipping", "queue", 50), {"queue_depth": 3}, {"queue_depth": 60}, True),
        (Impact("shipping", "queue", 50), {"queue_depth": 30}, {"queue_depth": 60}, False),
        (Impact("cart", "absent", 0.2), {"up": 1.0}, {"up": 0.7}, True),
        (Impact("cart", "descriptors", 3.0), {"fds": 20}, {"fds": 59}, False),
    ],
)
def test_impact_is_measured_against_the_time_before(
    impact: Impact, before: dict[str, float], since: dict[str, float], moved: bool
) -> None:
    """A signal counts as moved from its threshold on, and also where hardly a request is answered any more."""
    with answering(prometheus(before, since)) as url:
        assert Meter(url).read(impact, NORMAL, SINCE).moved is moved


def test_no_fault_must_not_be_felt_and_a_fault_must() -> None:
    """The same movement at the entry is what a fault needs, and what refutes a case without one."""
    with answering(prometheus({"quantile": 0.2, "count": 900}, {"quantile": 0.9, "count": 540})) as url:
        readings = Meter(url).felt(fault("quiet"), NORMAL, SINCE)
    assert hurt(fault("lock-ledger"), readings)
    assert not hurt(fault("quiet"), readings)


def test_what_is_no_prometheus_is_unavailable() -> None:
    """A server that answers something else is not taken for one where nothing moved."""
    with answering(lambda path, asked: {"hello": "world"}) as url, pytest.raises(Unavailable):
        Meter(url).value("up", NOW)


def test_alerts_come_oldest_first_and_are_told_as_the_webhook_does() -> None:
    """An alert of the API becomes one of a payload: firing, not ended, no address of this machine, no scrape labels."""
    late, early = (
        {
            "labels": {"alertname": name, "service": "cart", "severity": "warning", "instance": "cart:8080"},
            "annotations": {"summary": "slow", "workbench": "http://127.0.0.1:8888/workbench/open/ab"},
            "startsAt": at,
            "fingerprint": "ab",
        }
        for name, at in (("Late", "2026-01-31T02:59:30.120Z"), ("Early", "2026-01-31T02:59:20.000Z"))
    )
    with answering(lambda path, asked: [late, early]) as url:
        first = alerts(url)[0]

    told = delivered(first, cleaner(Path("/somewhere/estate")))

    assert told["labels"] == {"alertname": "Early", "service": "cart", "severity": "warning"}
    assert (told["status"], told["startsAt"], told["endsAt"][:4]) == ("firing", "2026-01-31T02:59:20Z", "0001")
    assert "127.0.0.1" not in json.dumps(told)


def test_a_share_of_traces_is_whole_and_the_same_for_whoever_asks() -> None:
    """The sample is chosen by trace, grows with the share, and does not depend on the other rows."""
    rows = pd.Series([f"{number // 5:032x}" for number in range(5000)])
    small, large = kept(rows, 0.1), kept(rows, 0.3)
    assert set(small.groupby(rows).mean()) == {0.0, 1.0}
    assert 0.05 < small.mean() < 0.15
    assert not (small & ~large).any()
    assert kept(rows[:50], 0.3).equals(large[:50])


def test_edge_tells_no_place_of_this_machine(tmp_path: Path) -> None:
    """Rows, query and name of a source say neither the estate's folder nor a local address."""
    path = tmp_path / "logs/cart.log"
    path.parent.mkdir()
    line = {
        "time": "2026-01-31T02:59:40Z",
        "level": "error",
        "message": f"{tmp_path}/shop/cart.js: http://127.0.0.1:34567/x",
    }
    path.write_text(json.dumps(line) + "\n")
    edge = Edge(LogFiles({str(path): ""}), cleaner(tmp_path))

    reply = edge.ask(QUESTION).reply

    assert isinstance(reply, Answered)
    assert reply.table["message"].tolist() == ["shop/cart.js: local/x"]
    assert str(tmp_path) not in reply.query + reply.digest


def seen(*messages: str) -> Observation:
    """Return an answer of a source of logs."""
    rows = pd.DataFrame([(NOW, "cart", "error", each, "") for each in messages])
    rows.columns = pd.Index(["time", "entity", "severity", "message", "trace_id"])
    return Observation(QUESTION, Answered("", rows), "logs", NOW)


def test_difference_sees_rows_not_their_order() -> None:
    """Equal rows in another order are equal; a word, a row or a refusal more is a difference."""
    assert difference(seen("a", "b"), seen("b", "a")) == ""
    assert "message" in difference(seen("a", "b"), seen("a", "c"))
    assert "2 rows live, 1 recorded" in difference(seen("a", "b"), seen("a"))
    refused = Observation(QUESTION, Failed("not recorded"), "logs", NOW)
    assert "not recorded" in difference(seen("a"), refused)
    silent = Observation(QUESTION, Silent("nothing"), "logs", NOW)
    assert difference(silent, silent) == ""


def test_names_are_replaced_everywhere(tmp_path: Path) -> None:
    """No old name is left in a table, in case.json or in the graph; numbers and times are what they were."""
    table = pd.DataFrame({"entity": ["cart", "payment"], "value": [1.5, 2.5], "message": ["CART_URL", "PaymentMain"]})
    table.to_parquet(tmp_path / "logs.parquet")
    (tmp_path / "case.json").write_text('{"alert": "cart is slow"}')
    (tmp_path / "graph.nq.gz").write_bytes(gzip.compress(b"<x:cart> <x:calls> <x:payment> <x:g> .\n"))
    names = shuffled(("cart", "payment"), seed=4)

    write_as(tmp_path, names)

    said = pd.read_parquet(tmp_path / "logs.parquet")
    text = said.to_csv() + (tmp_path / "case.json").read_text()
    text += gzip.decompress((tmp_path / "graph.nq.gz").read_bytes()).decode()
    assert not any(name in text.lower() for name in ("cart", "payment"))
    assert said["value"].tolist() == [1.5, 2.5]
    assert said["entity"].tolist() == [names["cart"], names["payment"]]


def test_shuffling_is_one_to_one_and_the_same_for_the_same_seed() -> None:
    """Different services get different words, none of them the name of a service."""
    services = ("gateway", "catalog", "cart", "ledger")
    names = shuffled(services, 7)
    assert names == shuffled(tuple(reversed(services)), 7) != shuffled(services, 8)
    assert len(set(names.values())) == 4
    assert renamed("ledger Ledger LEDGER", names) == " ".join(
        (names["ledger"], names["ledger"].capitalize(), names["ledger"].upper())
    )


def test_no_process_is_found_where_none_has_to_do_with_the_folder(tmp_path: Path) -> None:
    """The look for what was left behind finds nothing for a folder that nobody uses."""
    assert processes_of(tmp_path) == []


def test_a_case_without_traces_has_a_graph(tmp_path: Path) -> None:
    """Where nobody collects traces, the graph is that of the repository alone."""
    shop, case = tmp_path / "shop", tmp_path / "case"
    case.mkdir()
    shop.mkdir()
    (shop / "compose.yaml").write_text("services: {web: {image: 'web:1', environment: {STOCK_URL: 'http://stock'}}}")
    flags = {"flags": {"new": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}}}
    (shop / "flags.json").write_text(json.dumps(flags))
    (shop / "web.py").write_text("import os\n\nSTOCK = os.environ['STOCK_URL']\n")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "web"]):
        subprocess.run(["git", *words], cwd=shop, check=True)
    path = recorder_graph.write(shop, case, "shop", datetime(2026, 3, 1, tzinfo=UTC))
    assert "STOCK_URL" in gzip.decompress(path.read_bytes()).decode()
