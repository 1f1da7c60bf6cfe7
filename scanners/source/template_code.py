r"""Shell scripts and templates that are filled from the environment: which variables they read, at file level. Pure.

Of a script: `$NAME` and `${NAME:-default}` in capitals, but for what the script sets itself and what stands in single
quotes. Of a template (envsubst, gomplate's and Envoy's habit): `${NAME}` in capitals.
"""

from __future__ import annotations

import re

from scanners.source.nouns import Module, Read, Symbol

_NAME = r"[A-Z][A-Z0-9_]+"
_BRACED = re.compile(rf"\$\{{({_NAME})(?::?[-=?+]([^{{}}$]*))?\}}")
_PLAIN = re.compile(rf"\$(?:\{{#?({_NAME})(?:[:%#/^,\[-][^{{}}]*)?\}}|({_NAME}))")
_DEFAULT = re.compile(rf"\$\{{({_NAME}):?[-=]([^{{}}$]*)\}}")
_SET = re.compile(rf"(?:^|[;&|(]|\b(?:export|local|readonly|declare|then|do|else))\s*({_NAME})\+?=")
_SET_BY = re.compile(rf"\b(?:for|read(?:\s+-\w+)*|getopts\s+\S+)\s+({_NAME})\b")
_SINGLE = re.compile(r"(?<!\")'[^'\n]*'(?!\")")
_OWN = frozenset({"IFS", "PWD", "OLDPWD", "RANDOM", "SECONDS", "LINENO", "BASH_SOURCE", "OPTARG", "OPTIND", "REPLY"})
"""What the shell sets itself."""


def read_template(text: str) -> Module:
    r"""Return the variables that a template is filled with.

    >>> [read.name for read in read_template("listen ${PORT}; # ${OLD}\nset $uri;").symbols[0].reads]
    ['PORT']
    """
    module = Symbol("", 1, 1)
    for number, line in enumerate(text.splitlines(), 1):
        for match in _BRACED.finditer(line.partition(" #")[0] if not line.lstrip().startswith("#") else ""):
            module.reads.append(Read(match[1], number, match[2]))
    return Module((module,))


def read_shell(text: str) -> Module:
    r"""Return the variables that a script reads and does not set before.

    >>> [read.name for read in read_shell('A_DIR=/x\necho "$A_DIR ${B_URL:-b}" # $C\n').symbols[0].reads]
    ['B_URL']
    """
    module = Symbol("", 1, 1)
    known = set(_OWN)
    for number, line in enumerate(text.splitlines(), 1):
        code = _SINGLE.sub("''", line)
        code = re.sub(r"(?:^|\s)#.*", "", code)
        defaults = dict(_DEFAULT.findall(code))
        for match in _PLAIN.finditer(code):
            name = match[1] or match[2]
            if name not in known:
                module.reads.append(Read(name, number, defaults.get(name)))
        known |= {match[1] for pattern in (_SET, _SET_BY) for match in pattern.finditer(code)}
    return Module((module,))
