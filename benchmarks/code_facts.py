"""How well code facts are read: our reading of source trees against a census made by another method.

    python benchmarks/code_facts.py FOLDER...  [--show 20] [--json]

A folder holds one folder a package. The census knows no syntax tree: pygments says what is comment and what is string,
a line of regular expressions says how the language's standard library reads the environment, universal-ctags says where
functions begin, braces or indentation where they end. Counted by language: reads of the environment (file, variable,
line), the function that each stands in, hosts written in strings, and clients whose call holds the host. What only one
of the two found is printed with `--show`, for a person to judge: agreement is no truth.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scanners import bounded
from scanners.source.nouns import Module, unwatched
from scanners.source.readers import MADE, READERS

sys.path.insert(0, str(Path(__file__).parent))
from code_census import FORMS, Found, census  # the other half of this benchmark, beside it

TELLS = re.compile(r"(?i)getenv|environ\b|environ\[|EnvironmentVariable|env_?var|\b_*env\b|get_?env|env_?get|env_?or")
"""A file without any of these can hold no read of the environment; it is left out, to save hours."""
LARGE = 200_000
"""Characters of a file beyond which it is generated or bundled: the regular expressions of the census need hours."""
NEAR = 3
"""Lines that two methods may differ by for one and the same read."""


@dataclass
class Tally:
    """What both found, ours alone, and the census alone."""

    both: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    theirs: list[str] = field(default_factory=list)

    def row(self) -> tuple[int, int, int, float, float]:
        """Return the counts, precision and recall by agreement (1 where there is nothing)."""
        both, ours, theirs = len(self.both), len(self.ours), len(self.theirs)
        return both, ours, theirs, both / (both + ours or 1), both / (both + theirs or 1)


def texts_of(package: Path, most: int) -> dict[str, dict[str, str]]:
    """Return suffix -> file -> text of what a scan would read: at most so many files, drawn blindly."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    suffixes = {suffix for form in FORMS for suffix in form.suffixes}
    paths = sorted(package.rglob("*"))
    random.Random(5).shuffle(paths)  # noqa: S311  # the same sample every time
    for path in paths:
        suffix = path.suffix
        if suffix not in suffixes or path.name.endswith(MADE) or path.is_symlink() or not path.is_file():
            continue
        if "node_modules" in path.parts or len(found[suffix]) >= most:
            continue
        text = bounded.text_of(path, path.name)
        if isinstance(text, str) and len(text) <= LARGE and TELLS.search(text):
            found[suffix][path.relative_to(package).as_posix()] = text
    return found


def ours(texts: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, Module], dict[str, str]]:
    """Return file -> what we read, and file -> why it was set aside."""
    modules: dict[str, Module] = {}
    aside: dict[str, str] = {}
    for suffix, files in texts.items():
        for name, found in READERS[suffix][1](files, unwatched):
            if isinstance(found, Module):
                modules[name] = found
            else:
                aside[name] = str(found) or type(found).__name__
    return modules, aside


def reads(modules: Mapping[str, Module]) -> Iterator[Found]:
    """Yield our reads."""
    for name, module in modules.items():
        for symbol in module.symbols:
            for read in symbol.reads:
                yield Found(name, read.name, read.line, symbol.name)


def hosts(modules: Mapping[str, Module]) -> Iterator[Found]:
    """Yield the hosts that we say stand in strings."""
    for name, module in modules.items():
        for symbol in module.symbols:
            for host in symbol.hosts:
                yield Found(name, host.host.lower(), host.line, symbol.name)


def clients(modules: Mapping[str, Module]) -> Iterator[Found]:
    """Yield the hosts that we say a client is told."""
    for name, module in modules.items():
        for symbol in module.symbols:
            for client in symbol.clients:
                for host, _ in client.hosts:
                    yield Found(name, host.lower(), client.line, symbol.name)


def compare(
    mine: Iterable[Found], theirs: Iterable[Found], tally: Tally, functions: Tally | None, package: str
) -> None:
    """Match by file, name and line, nearest first."""
    left: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for each in dict.fromkeys(mine):
        left[each.file, each.name].append(each)
    for each in dict.fromkeys(theirs):
        near = [one for one in left[each.file, each.name] if abs(one.line - each.line) <= NEAR]
        if not near:
            tally.theirs.append(f"{package}/{each.file}:{each.line} {each.name} ({each.how})")
            continue
        best = min(near, key=lambda one: abs(one.line - each.line))
        left[each.file, each.name].remove(best)
        tally.both.append(f"{package}/{each.file}:{each.line} {each.name}")
        if functions is not None:
            same = each.function in (*re.split(r"[.:#]+", best.function), "?") or (
                not each.function and not best.function
            )
            line = f"{package}/{each.file}:{each.line} {each.name} ours={best.function!r} census={each.function!r}"
            (functions.both if same else functions.theirs).append(line)
    for rest in left.values():
        tally.ours += (f"{package}/{each.file}:{each.line} {each.name}" for each in rest)


def measure(package: Path, into: dict[str, dict[str, Tally]], most: int) -> dict[str, str]:
    """Add a package to the tallies, by language; return what was set aside."""
    texts = texts_of(package, most)
    modules, aside = ours(texts)
    for form in FORMS:
        files = {name: text for suffix in form.suffixes for name, text in texts.get(suffix, {}).items()}
        if not files:
            continue
        known = {name: modules[name] for name in files if name in modules}
        counted = census(package, files, form)
        tallies = into[form.name]
        compare(reads(known), counted.reads, tallies["reads"], tallies["functions"], package.name)
        compare(hosts(known), counted.hosts, tallies["hosts"], None, package.name)
        found = set(counted.clients)
        said = [
            each
            for each in clients(known)
            if any(
                each.name == one.name and each.file == one.file and abs(each.line - one.line) <= NEAR for one in found
            )
        ]
        compare(said, found, tallies["clients"], None, package.name)
    return aside


def table(tallies: Mapping[str, Mapping[str, Tally]], of: Iterable[str]) -> str:
    """Return the tallies as a markdown table."""
    rows = [
        "| language | fact | both | ours only | census only | precision | recall |",
        "|---|---|---|---|---|---|---|",
    ]
    for language in sorted(tallies):
        for what in of:
            both, mine, theirs, precision, recall = tallies[language][what].row()
            if both + mine + theirs:
                rows.append(f"| {language} | {what} | {both} | {mine} | {theirs} | {precision:.3f} | {recall:.3f} |")
    return "\n".join(rows)


def main() -> None:
    """Measure the folders that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N differences of each kind")
    parser.add_argument(
        "--files", type=int, default=5_000, metavar="N", help="read at most N files a package and suffix"
    )
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    tallies: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    aside: Counter[str] = Counter()
    for folder in chosen.folders:
        for package in sorted(each for each in folder.iterdir() if each.is_dir()):
            aside.update(measure(package, tallies, chosen.files).values())
    kinds = ("reads", "functions", "hosts", "clients")
    if chosen.json:
        rows = {name: {kind: tally.row() for kind, tally in each.items()} for name, each in tallies.items()}
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return
    sys.stdout.write(table(tallies, kinds) + "\n" + f"set aside: {dict(aside.most_common(5))}\n")
    pick = random.Random(7)  # noqa: S311  # a sample for eyes
    for language, each in sorted(tallies.items()) if chosen.show else ():
        for kind in kinds:
            for side in ("ours", "theirs"):
                some = getattr(each[kind], side)
                for line in pick.sample(some, min(len(some), chosen.show)):
                    sys.stdout.write(f"{language} {kind} {side}: {line}\n")


if __name__ == "__main__":
    main()
