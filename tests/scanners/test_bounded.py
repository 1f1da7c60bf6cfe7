"""Files of strangers, read within bounds."""

from pathlib import Path

import pytest

from scanners.bounded import SIZE, Document, Parser, files
from scanners.protocol import Problem

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [{', '.join(['*' + chr(97 + n)] * 9)}]}}\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 200_000, "nests deeper"),
        ("{a: " * 150 + "1" + "}" * 150, "nests deeper"),
        (LAUGHS, "more than"),
        (MERGES, "more than"),
        ("a: &a [*a]", "leads back"),
        ("a: [1\nb: 2", "line"),
        ("a: !!python/object/apply:os.system ['true']", "constructor"),
        ("\x00", "unacceptable character"),
        ("? [a, b]\n: 1\n", ""),
    ],
)
def test_a_bad_text_is_a_problem_and_the_next_is_read(text: str, reason: str) -> None:
    """A bomb or a broken text is set aside with its reason, and the same parser reads the next file."""
    with Parser() as parser:
        bad = parser.parse(text, "bad.yaml")
        good = parser.parse("a: 1", "good.yaml")

    assert isinstance(bad, Problem)
    assert reason in bad.reason
    assert isinstance(good, tuple)


def test_a_parser_that_thinks_too_long_is_replaced() -> None:
    """A file over its time is a problem, and a new process reads the next."""
    with Parser(seconds=0.0) as parser:
        late = parser.parse("a: 1", "late.yaml")
        parser.seconds = 15.0
        good = parser.parse("a: 1", "good.yaml")

    assert isinstance(late, Problem)
    assert "seconds" in late.reason
    assert isinstance(good, tuple)


def test_a_parser_that_was_killed_is_replaced() -> None:
    """When the process is killed between two files, the second is read by a new one."""
    with Parser() as parser:
        parser.parse("a: 1", "first.yaml")
        assert parser._process is not None
        parser._process.kill()
        parser._process.wait()
        second = parser.parse("a: 2", "second.yaml")

    assert isinstance(second, tuple)


def test_a_huge_file_is_not_opened(tmp_path: Path) -> None:
    """A file over the limit is a problem whatever it holds."""
    path = tmp_path / "huge.yaml"
    path.write_text("#" * (SIZE + 1))
    with Parser() as parser:
        found = parser.read(path, tmp_path)

    assert found == Problem("huge.yaml", "larger than 2 MB")


def test_text_stays_as_it_was_written() -> None:
    """`yes`, a date and `22:22` stay text, an unknown tag is dropped, and each value knows its line."""
    with Parser() as parser:
        found = parser.parse("a: 22:22\nb: yes\nc: 2026-01-01\nd: !reset\n  - 1\n", "x.yaml")

    assert isinstance(found, tuple)
    document: Document = found[0]
    assert document.content == {"a": "22:22", "b": "yes", "c": "2026-01-01", "d": [1]}
    assert document.at("d/0") == "x.yaml:5"


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A symbolic link in an estate leads nowhere."""
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "out.yaml").write_text("a: 1")
    (inside / "link.yaml").symlink_to(tmp_path / "out.yaml")

    assert list(files(inside, ".yaml")) == []
