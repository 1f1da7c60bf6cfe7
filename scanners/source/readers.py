"""Which reader understands which file of code: suffix to language and reader. Another language is one line here.

A reader takes the texts of a language all together, since one file calls another, and tells `watch` which file it is
at, so that whoever supervises it knows the file that broke it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from scanners.source.config_code import SUFFIXES as CONFIGURATION
from scanners.source.config_code import read_config
from scanners.source.flow_code import read_trees
from scanners.source.languages import BY_SUFFIX
from scanners.source.nouns import Module, Watch, unwatched
from scanners.source.python_code import read_pythons
from scanners.source.template_code import read_shell, read_template

Reader = Callable[[Mapping[str, str], Watch], Iterator[tuple[str, Module | Exception]]]

TEMPLATES = (".template", ".tmpl", ".tmpl.yaml", ".tmpl.yml", ".template.yaml", ".conf.template")
MADE = (".min.js", ".bundle.js", ".pb.go", "_pb.js", "_pb2.py", "_pb2_grpc.py", ".pb.cc", ".pb.h", ".d.ts", ".g.cs")
"""Endings of files that a program wrote from others: they are large, and say nothing of their own."""


def _one_by_one(
    texts: Mapping[str, str], watch: Watch = unwatched, *, read: Callable[[str, str], Module], all_of_them: bool = True
) -> Iterator[tuple[str, Module | Exception]]:
    """Read files that know nothing of each other; those without a read are left out unless all are wanted."""
    for name, text in texts.items():
        watch(name)
        module = read(name, text)
        if all_of_them or module.symbols[0].reads:
            yield name, module


READERS: Mapping[str, tuple[str, Reader]] = {
    ".py": ("python", read_pythons),
    **dict.fromkeys((".sh", ".bash"), ("shell", partial(_one_by_one, read=lambda _, text: read_shell(text)))),
    **dict.fromkeys(TEMPLATES, ("template", partial(_one_by_one, read=lambda _, text: read_template(text)))),
    **dict.fromkeys(CONFIGURATION, ("configuration", partial(_one_by_one, read=read_config, all_of_them=False))),
    **{suffix: (each.name, partial(read_trees, language=each)) for suffix, each in BY_SUFFIX.items()},
}
"""Suffix to language and reader; the longest suffix that fits a name counts."""


def suffix_of(name: str) -> str:
    """Return the suffix by which a file is read; empty where nobody reads it.

    >>> suffix_of("envoy.tmpl.yaml"), suffix_of("a/compose.yaml"), suffix_of("README")
    ('.tmpl.yaml', '.yaml', '')
    """
    return max((each for each in READERS if name.endswith(each)), key=len, default="")


def is_configuration(name: str) -> bool:
    """Say whether a file is of interest only where it reads a variable."""
    return suffix_of(name) in CONFIGURATION
