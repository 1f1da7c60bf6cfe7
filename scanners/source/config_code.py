r"""Configuration text that a program fills from its environment when it reads it: which variables, at file level. Pure.

Known forms: `${env:X}` (OpenTelemetry collector, Serverless), `<%= ENV["X"] %>` (Rails' YAML), `%env(X)%` (Symfony),
`{$X}` and `{env.X}` (Caddy), and `${X}` where the whole file is known to be filled: Spring's `application.*`, a
collector's configuration, HAProxy's; and what a Dockerfile's start command names. A `$` in any other YAML says nothing.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from scanners.source.nouns import Module, Read, Symbol
from scanners.source.template_code import read_shell

SUFFIXES = (".yaml", ".yml", ".properties", "Dockerfile", ".dockerfile", "haproxy.cfg", "Caddyfile")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_ALWAYS = re.compile(
    rf"\$\{{env:(?P<collector>{_NAME})(?::-(?P<otherwise>[^}}]*))?\}}"
    rf"|<%=?[^%]*?\bENV(?:\.fetch\(|\[)\s*['\"](?P<erb>{_NAME})['\"](?:\s*,\s*['\"](?P<value>[^'\"]*)['\"])?"
    rf"|%env\((?:[\w\-]+:)*(?P<symfony>[A-Z][A-Z0-9_]*)\)%"
)
_FILLED = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]*)(?::-?(?P<otherwise>[^{}$]*))?\}")
_CADDY = re.compile(rf"\{{(?:\$|env\.)(?P<name>{_NAME})(?::(?P<otherwise>[^{{}}]*))?\}}")
_SPRING = re.compile(r"^(?:application|bootstrap)(?:-[\w\-]+)?\.(?:ya?ml|properties)$")
_COLLECTOR = re.compile(r"^(?:receivers|exporters|processors|service):", re.MULTILINE)
_START = re.compile(r"^\s*(?:CMD|ENTRYPOINT|HEALTHCHECK)\b((?:.*\\\n)*.*)", re.MULTILINE | re.IGNORECASE)


def read_config(name: str, text: str) -> Module:
    r"""Return the variables that a configuration file is filled with; comments do not count.

    >>> [read.name for read in read_config("c.yml", "a: ${env:DB_URL:-x} # ${env:OLD}\nb: ${NOT}").symbols[0].reads]
    ['DB_URL']
    >>> [read.default for read in read_config("application.yml", "url: ${CART_URL:http://cart:1}").symbols[0].reads]
    ['http://cart:1']
    """
    file = PurePosixPath(name).name
    if file.endswith(("Dockerfile", ".dockerfile")):
        return _started(text)
    patterns = [_ALWAYS]
    if _SPRING.match(file) or file == "haproxy.cfg" or len(set(_COLLECTOR.findall(text))) > 2:
        patterns.append(_FILLED)
    if file == "Caddyfile":
        patterns.append(_CADDY)
    module = Symbol("", 1, 1)
    for number, line in enumerate(text.splitlines(), 1):
        code = "" if line.lstrip().startswith(("#", "!")) else line.partition(" #")[0]
        for pattern in patterns:
            for match in pattern.finditer(code[:10_000]):
                groups = match.groupdict()
                told = next(groups[key] for key in ("collector", "erb", "symfony", "name") if groups.get(key))
                default = groups.get("otherwise") or groups.get("value")
                module.reads.append(Read(told, number, default))
    return Module((module,))


def _started(text: str) -> Module:
    """Return what the start command of a Dockerfile reads: a shell fills it in when the container starts."""
    module = Symbol("", 1, 1)
    for match in _START.finditer(text):
        first = text.count("\n", 0, match.start(1)) + 1
        for symbol in read_shell(match[1].replace("'", " ")).symbols:
            module.reads.extend(Read(read.name, first + read.line - 1, read.default) for read in symbol.reads)
    return Module((module,))
