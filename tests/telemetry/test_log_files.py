"""Log files: which times are understood, whose lines they are, and what cannot be read."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.telemetry import log_files
from workbench.telemetry.log_files import LogFiles
from workbench.telemetry.log_lines import entries, said

WINDOW = Window.of("2026-01-31T02:50:00Z", "2026-01-31T02:55:00Z")
CART = Entity(iris.service("cart", "shop"), "Service", "cart")
AT = "2026-01-31 02:51:02"


def asked(*patterns: object, what: str = "", about: tuple[Entity, ...] = ()) -> Answered | Silent | Failed:
    return LogFiles({str(each): "" for each in patterns}).ask(Question(Modality.LOGS, WINDOW, about, what=what)).reply


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-31T02:51:02Z ERROR no bank",
        "2026-01-31 02:51:02,000 ERROR [main] no bank",
        "2026-01-31 03:51:02 +0100 error: no bank",
        "[2026-01-31T02:51:02.123456789Z] error no bank",
        "2026/01/31 02:51:02 [error] 7#7: no bank",
        '10.0.0.1 - - [31/Jan/2026:02:51:02 +0000] "GET / HTTP/1.1" 500 error no bank',
        "Jan 31 02:51:02 host cart[7]: error no bank",
        "E0131 02:51:02.000001       1 main.go:7] no bank",
        '{"ts": 1769827862.5, "level": "error", "msg": "no bank"}',
        '{"time": 1769827862500, "level": 50, "msg": "no bank"}',
        '{"@timestamp": "2026-01-31T02:51:02Z", "log": {"level": "ERROR"}, "message": "no bank"}',
        '{"timestamp": "1769827862500000000", "severity": "Error", "body": "no bank"}',
        '{"__REALTIME_TIMESTAMP": "1769827862500000", "PRIORITY": "3", "MESSAGE": "no bank"}',
        '{"__REALTIME_TIMESTAMP": "1769827862500000", "PRIORITY": "3", "MESSAGE": [110, 111, 32, 98, 97, 110, 107]}',
    ],
)
def test_the_time_and_the_level_of_a_line_are_found(line: str) -> None:
    """Fourteen ways to write one moment give that moment, its level and its words."""
    found = said(line, 2026)

    assert f"{found.time:%Y-%m-%d %H:%M:%S}" == AT
    assert found.severity == "error"
    assert "no bank" in found.message


@pytest.mark.parametrize("line", ["", "no time at all", "{half a", "2026-13-41T99:00:00Z x", "99999999999999999999 x"])
def test_what_is_no_time_is_none(line: str) -> None:
    """A line without a time, or with one that cannot be, has none; nothing is raised."""
    assert said(line, 2026).time is None


def test_a_stack_trace_stays_with_its_line() -> None:
    """Lines without a time belong to the one before them; those before the first time stand alone."""
    lines = ["banner", f"{AT} ERROR boom", "Traceback:", '  File "a.py"', f"{AT} INFO on"]

    assert [each.message for each in entries(lines, 2026)] == [
        "banner",
        f'{AT} ERROR boom\nTraceback:\n  File "a.py"',
        f"{AT} INFO on",
    ]


def test_lines_are_of_whom_the_settings_the_line_or_the_file_says(tmp_path: Path) -> None:
    """A mapped file is its entity; else a JSON line says whose it is; else the file's name does."""
    (tmp_path / "cart-2026-01-31.log").write_text(f"{AT} INFO a\n")
    (tmp_path / "all.json").write_text(json.dumps({"time": AT, "service": {"name": "mail"}, "msg": "b"}) + "\n")
    (tmp_path / "x.log").write_text(f"{AT} WARNING c\n")
    source = LogFiles({str(tmp_path / "cart*"): "", str(tmp_path / "*.json"): "", str(tmp_path / "x.log"): "web"})
    reply = source.ask(Question(Modality.LOGS, WINDOW)).reply

    assert isinstance(reply, Answered), reply
    assert set(zip(reply.table["entity"], reply.table["severity"], strict=True)) == {
        ("cart", "info"),
        ("mail", ""),
        ("web", "warn"),
    }


def test_rotated_files_are_read_and_old_ones_are_not(tmp_path: Path) -> None:
    """A compressed file counts; one last written before the window is not opened."""
    with gzip.open(tmp_path / "cart.log.1.gz", "wt") as file:
        file.write(f"{AT} INFO packed\n")
    old = tmp_path / "cart.log.2"
    old.write_text("not even a log")
    os.utime(old, (1_600_000_000, 1_600_000_000))
    reply = asked(tmp_path / "cart.log*", about=(CART,))

    assert isinstance(reply, Answered), reply
    assert list(reply.table["message"]) == [f"{AT} INFO packed"]
    assert "cart.log.2" not in reply.query


def test_a_text_narrows_and_nothing_found_is_silence(tmp_path: Path) -> None:
    """Only lines that hold the text are told; where none does, that is silence and not failure."""
    (tmp_path / "cart.log").write_text(f"{AT} INFO bank said yes\n{AT} INFO other\n")
    reply = asked(tmp_path / "cart.log", what="BANK")

    assert isinstance(reply, Answered)
    assert len(reply.table) == 1
    assert isinstance(asked(tmp_path / "cart.log", what="nowhere"), Silent)


def test_an_empty_file_is_silence(tmp_path: Path) -> None:
    """A file into which nothing was written says nothing."""
    (tmp_path / "cart.log").write_text("")

    assert isinstance(asked(tmp_path / "cart.log"), Silent)


@pytest.mark.parametrize("content", [b"no times here\n", b"\x00\xff\xfe binary", b"{half"])
def test_lines_without_any_time_are_no_silence(tmp_path: Path, content: bytes) -> None:
    """A file of which no line tells its time was not looked at: that is Failed."""
    (tmp_path / "cart.log").write_bytes(content)
    reply = asked(tmp_path / "cart.log")

    assert isinstance(reply, Failed)
    assert "time" in reply.reason


def test_half_a_compressed_file_is_named(tmp_path: Path) -> None:
    """A file that is cut off is Failed alone, and named beside others."""
    whole = gzip.compress(f"{AT} INFO a\n".encode() * 1000)
    (tmp_path / "cart.log.gz").write_bytes(whole[: len(whole) // 2])
    alone = asked(tmp_path / "*.gz")
    (tmp_path / "mail.log").write_text(f"{AT} INFO b\n")
    both = asked(tmp_path / "*")

    assert isinstance(alone, Failed)
    assert isinstance(both, Answered)
    assert "cart.log.gz cannot be read" in both.digest


def test_no_file_is_failure(tmp_path: Path) -> None:
    """A pattern that fits no file is Failed with the setting to correct."""
    reply = asked(tmp_path / "none*.log")

    assert isinstance(reply, Failed)
    assert "log_files" in reply.remedy


def test_of_a_large_file_the_end_is_read(tmp_path: Path) -> None:
    """Of a file beyond the limit the last lines are there, whole, and the reply says that it is the end."""
    line = f"{AT} INFO {'x' * 100_000}\n"
    with (tmp_path / "cart.log").open("w") as file:
        for _ in range(log_files.MOST_BYTES // len(line) + 3):
            file.write(line)
        file.write(f"{AT} INFO the last\n")
    reply = asked(tmp_path / "cart.log", what="the last")

    assert isinstance(reply, Answered)
    assert "only the last 64 MiB" in reply.digest
