"""The other method: reads of the environment by regular expressions, pygments and universal-ctags. No syntax tree.

It knows what the standard library of a language calls such a read, names that hold one text, and functions of the package that
read what they are told (a standard read of a parameter).
"""

# ruff: noqa: E501, S603, S104  # patterns are read whole; ctags is told files; hosts are compared, not bound

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, String, _TokenType

K = r"(?:[rbuf@$]{0,2}(?P<q>[\"'`])(?P<lit>[A-Za-z_][\w.\-]*)(?P=q)|(?P<const>\$?(?:[A-Za-z_]\w*(?:\.|::))*@?[A-Za-z_]\w*)(?=\s*[,)\]]))"
"""A key: written out, or by a name."""
NOT_SET = r"(?!\s*(?:\|\||\?\?)?=(?![=~>]))"
URL = re.compile(r"(?<![\w+.\-])[A-Za-z][A-Za-z0-9+.\-]*://(?:[^\s/@\"'`]*@)?(?P<host>[A-Za-z0-9][\w.\-]*)")
WHOLE = re.compile(r"[\"'`](?P<host>[A-Za-z][\w.\-]*):\d{2,5}[\"'`]")
"""A string that is a host and its port and nothing else."""
PROSE = re.compile(r"@(?:module|type)?doc\s+(?:~S)?\"\"\"(?s:.*?)\"\"\"")
"""Elixir's documentation, which pygments takes for strings."""


@dataclass(frozen=True)
class Form:
    """A language: how pygments and ctags call it, and how its programs read the environment."""

    name: str
    suffixes: tuple[str, ...]
    lexer: str
    ctags: str
    reads: tuple[str, ...]
    client: str
    indented: bool = False


FORMS = (
    Form("python", (".py",), "python", "Python",
         (rf"(?<![\w.])(?:os\.)?environ\s*\[\s*{K}\s*\]{NOT_SET}", rf"(?<![\w.])(?:os\.)?environ\s*\.\s*(?:get|pop|setdefault)\s*\(\s*{K}", rf"(?<![\w.])(?:os\.)?getenv\s*\(\s*{K}"),
         r"\b(?:requests|httpx|session|client)\.(?:get|post|put|delete|request)|urlopen|insecure_channel|create_engine", True),
    Form("go", (".go",), "go", "Go", (rf"\b(?:os|syscall)\.(?:Getenv|LookupEnv)\(\s*{K}",),
         r"\bhttp\.(?:Get|Post|NewRequest|NewRequestWithContext)|grpc\.(?:Dial|NewClient)|net\.Dial"),
    Form("javascript", (".js", ".mjs", ".cjs", ".jsx"), "javascript", "JavaScript",
         (rf"\bprocess\.env\.(?P<lit>[A-Za-z_]\w*)\b{NOT_SET}", rf"\bprocess\.env\s*\[\s*{K}\s*\]{NOT_SET}"),
         r"\bfetch|axios(?:\.\w+)?|https?\.(?:get|request)"),
    Form("typescript", (".ts", ".tsx", ".mts", ".cts"), "typescript", "TypeScript",
         (rf"\bprocess\.env\.(?P<lit>[A-Za-z_]\w*)\b{NOT_SET}", rf"\bprocess\.env\s*\[\s*{K}\s*\]{NOT_SET}"),
         r"\bfetch|axios(?:\.\w+)?|https?\.(?:get|request)"),
    Form("java", (".java",), "java", "Java",
         (rf"\bSystem\.getenv\(\s*{K}", rf"\bSystem\.getenv\(\)\s*\.\s*(?:get|getOrDefault|containsKey)\(\s*{K}"),
         r"new\s+(?:URL|URI|Socket)|URI\.create"),
    Form("kotlin", (".kt", ".kts"), "kotlin", "Kotlin",
         (rf"\bSystem\.getenv\(\s*{K}", rf"\bSystem\.getenv\(\)\s*(?:\.\s*(?:get|getOrDefault|containsKey)\(|\[)\s*{K}"),
         r"\b(?:URL|URI|Socket)|URI\.create"),
    Form("csharp", (".cs",), "csharp", "C#", (rf"\bEnvironment\s*\.\s*GetEnvironmentVariable\s*\(\s*{K}",),
         r"new\s+Uri|WebRequest\.Create|\.GetAsync|\.DownloadString"),
    Form("rust", (".rs",), "rust", "Rust", (rf"\benv::(?:var|var_os)\(\s*&?{K}", rf"\b(?:option_)?env!\s*\(\s*{K}"),
         r"reqwest::get|\.get|\.post|from_static|TcpStream::connect"),
    Form("ruby", (".rb", ".rake", ".ru"), "ruby", "Ruby",
         (rf"(?<![\w.:])(?:::)?ENV\s*\[\s*{K}\s*\](?!\s*=(?![=~]))", rf"(?<![\w.:])ENV\.(?:fetch|key\?|has_key\?|include\?|dig)[\s(]\s*{K}"),
         r"\bURI(?:\.parse)?|Net::HTTP\.\w+|Faraday\.\w+", True),
    Form("php", (".php",), "php", "PHP", (rf"(?<![\w>:])getenv\(\s*{K}", rf"\$_ENV\s*\[\s*{K}\s*\]{NOT_SET}"),
         r"curl_init|file_get_contents|fsockopen"),
    Form("cpp", (".cpp", ".cc", ".cxx", ".c", ".h", ".hh", ".hpp", ".hxx"), "cpp", "C++",
         (rf"(?<![\w.>])(?:secure_)?getenv\s*\(\s*{K}", rf"\bqgetenv\(\s*{K}"),
         r"CreateChannel|curl_easy_setopt"),
    Form("elixir", (".ex", ".exs"), "elixir", "Elixir", (rf"\bSystem\.(?:get_env|fetch_env!?)\(\s*{K}",),
         r"HTTPoison\.\w+!?|Req\.\w+!?", True),
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A fact: a name at a place."""

    file: str
    name: str
    line: int
    function: str = field(default="", compare=False)
    how: str = field(default="", compare=False)


@lru_cache(maxsize=256)
def _kind(token: _TokenType) -> int:
    """Return 0 for code, 1 for a string, 2 for a comment or documentation."""
    if (token in Comment and token not in Comment.Preproc) or token in String.Doc:
        return 2
    return int(token in String)


@dataclass
class Masked:
    """A text, and for each character whether it is code (0), string (1) or comment (2)."""

    text: str
    kinds: bytearray

    @classmethod
    def of(cls, text: str, lexer: str) -> Masked:
        """Ask pygments."""
        kinds = bytearray(len(text))
        made = get_lexer_by_name(lexer, stripnl=False, stripall=False, ensurenl=False)
        for start, token, value in made.get_tokens_unprocessed(text):
            kind = _kind(token)
            if kind:
                kinds[start : start + len(value)] = bytes([kind]) * len(value)
        for match in PROSE.finditer(text) if lexer == "elixir" else ():
            kinds[match.start() : match.end()] = b"\2" * len(match[0])
        return cls(text, kinds)

    def line(self, at: int) -> int:
        """Return the line of a character."""
        return self.text.count("\n", 0, at) + 1


@dataclass
class Span:
    """A function by ctags: name, first and last line, parameters."""

    name: str
    first: int
    last: int
    head: str


@dataclass
class Census:
    """What the census found in a package."""

    reads: list[Found]
    hosts: list[Found]
    clients: list[Found]


def tags(package: Path, files: Mapping[str, str], form: Form) -> dict[str, list[tuple[str, int, int]]]:
    """Return file -> (name, line, last line or 0) of functions, by universal-ctags."""
    if form.lexer in ("javascript", "typescript"):  # ctags is years behind that language
        return {name: _scripted(Masked.of(text, form.lexer)) for name, text in files.items()}
    exe = shutil.which("ctags")
    if exe is None:
        raise SystemExit("universal-ctags is needed: apt-get install universal-ctags")
    found: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    options = ["--output-format=json", "--fields=+neK", "-f", "-", "-L", "-", f"--language-force={form.ctags}"]
    told = "\n".join(files)
    out = subprocess.run(
        [exe, *options], cwd=package, input=told, capture_output=True, text=True, errors="replace", check=False
    )
    for row in out.stdout.splitlines():
        try:
            tag = json.loads(row)
        except ValueError:
            continue
        if re.search(
            r"function|method|func|member|singleton|constructor|generator|getter|setter", tag.get("kind", "")
        ) and not tag["name"].startswith(("__anon", "AnonymousFunction")):
            found[tag["path"]].append((tag["name"], int(tag["line"]), int(tag.get("end", 0))))
    return found


SCRIPTED = re.compile(
    r"function\s*\*?\s*([\w$]+)\s*[(<]|(?<![\w$])([\w$]+)\s*[:=]\s*(?:async\s*)?(?:function\b|\([^()]{0,300}\)\s*(?::[^=;{}\n]{1,80})?=>|[\w$]+\s*=>)"
    r"|^[ \t]*(?:(?:static|async|get|set|public|private|protected|override|\*)[ \t]+)*#?([\w$]+)\s*\([^(){};]{0,300}\)\s*(?::[^;={}\n]{1,80})?\{",
    re.MULTILINE,
)


def _scripted(masked: Masked) -> list[tuple[str, int, int]]:
    found = []
    for match in SCRIPTED.finditer(masked.text):
        name = match[1] or match[2] or match[3]
        if masked.kinds[match.start(match.lastindex or 0)] == 0 and name not in (
            "if",
            "for",
            "while",
            "switch",
            "catch",
            "function",
            "with",
        ):
            found.append((name, masked.line(match.start(match.lastindex or 0)), 0))
    return found


def spans(masked: Masked, known: list[tuple[str, int, int]], form: Form) -> list[Span]:
    """Return where functions begin and end."""
    starts = [0, *(match.end() for match in re.finditer("\n", masked.text))]
    rows = masked.text.split("\n")
    found = []
    for name, first, last in known:
        if first > len(rows):
            continue
        head = "\n".join(rows[first - 1 : first + 5])
        end = _dedent(rows, first) if form.indented else last or _closed(masked, starts[first - 1])
        found.append(Span(name, first, max(end, first), head))
    return found


def _dedent(rows: list[str], first: int) -> int:
    """Return the last line that is indented deeper than the first."""
    depth = len(rows[first - 1]) - len(rows[first - 1].lstrip())
    for number in range(first, len(rows)):
        row = rows[number]
        if row.strip() and len(row) - len(row.lstrip()) <= depth and not row.lstrip().startswith((")", "]", "#", "}")):
            return number
    return len(rows)


def _closed(masked: Masked, start: int) -> int:
    """Return the line of the brace that closes the first one after the start; a semicolon before it: no body."""
    depth = told = 0
    for at in range(start, min(len(masked.text), start + 200_000)):
        if masked.kinds[at]:
            continue
        char = masked.text[at]
        told += (char == "(") - (char == ")") if depth == 0 else 0
        if told > 0:
            continue  # a pattern in the parameters has braces too
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth <= 0:
                return masked.line(at)
        elif char == ";" and depth == 0:
            return masked.line(at)
    return masked.line(start)


def around(line: int, known: list[Span]) -> Span | None:
    """Return the innermost function around a line."""
    inside = [span for span in known if span.first <= line <= span.last]
    return max(inside, key=lambda span: span.first) if inside else None


def census(package: Path, files: Mapping[str, str], form: Form) -> Census:
    """Count a package."""
    masked = {name: Masked.of(text, form.lexer) for name, text in files.items()}
    tagged = tags(package, files, form)
    functions = {name: spans(each, tagged.get(name, []), form) for name, each in masked.items()}
    constants = {name: _constants(each) for name, each in masked.items()}
    every: dict[str, set[str]] = defaultdict(set)
    for known_here in constants.values():
        for name, values in known_here.items():
            every[name] |= values
    helpers: dict[str, set[int]] = defaultdict(set)
    reads: list[Found] = []
    for name, each in masked.items():
        for at, literal, const in _matches(each, form.reads):
            line = each.line(at)
            span = around(line, functions[name])
            if literal:
                reads.append(Found(name, literal, line, span.name if span else "", "standard"))
                continue
            word = re.split(r"\.|::", const)[-1].lstrip("@$")
            position = _parameter(span, word) if span else None
            values = constants[name].get(word) or (every.get(word, set()) if word[:1].isupper() else set())
            if position is not None and span is not None:
                helpers[span.name].add(position)
            elif len(values) == 1:
                reads.append(Found(name, next(iter(values)), line, span.name if span else "", f"constant {word}"))
    counts: dict[str, int] = defaultdict(int)
    for known in functions.values():
        for one in known:
            counts[one.name] += 1
    for helper, positions in helpers.items():
        if counts[helper] != 1 or len(positions) != 1 or len(helper) < 3:
            continue
        reads += _calls(helper, next(iter(positions)), masked, functions, form)
    hosts = [
        Found(name, host.lower(), line, "", "string") for name, each in masked.items() for host, line in _hosts(each)
    ]
    clients = [found for name, each in masked.items() for found in _clients(name, each, form)]
    return Census(reads, hosts, clients)


def _matches(masked: Masked, forms: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    for form in forms:
        for match in re.finditer(form, masked.text):
            bare = match[0].startswith(("environ", "getenv")) and form.startswith(r"(?<![\w.])(?:os")
            if bare and not re.search(r"from os import [^\n]*\b(?:environ|getenv)\b", masked.text):
                continue  # a WSGI environment, or somebody's own
            if masked.text[: match.start()].endswith(("del ", "delete ")):
                continue
            if masked.kinds[match.start()] == 0:
                groups = match.groupdict()
                yield match.start(), groups.get("lit") or "", groups.get("const") or ""


def _constants(masked: Masked) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for match in re.finditer(
        r"\b([A-Za-z_]\w*)\b[^=\n\"';(){}]{0,30}(?<![=!<>])=\s*(?:new\s+String\()?[@rb&]?[\"'`]([A-Za-z_][\w.\-]*)[\"'`]\s*[;,)]?\s*(?:$|//|#|;)",
        masked.text,
        re.MULTILINE,
    ):
        if masked.kinds[match.start()] == 0:
            found[match[1]].add(match[2])
    for match in re.finditer(
        r"#define\s+(\w+)\s+\"([A-Za-z_][\w.\-]*)\"|@(\w+)\s+\"([A-Za-z_]\w*)\"\s*$", masked.text, re.MULTILINE
    ):
        found[match[1] or match[3]].add(match[2] or match[4])
    return found


def _parameter(span: Span, word: str) -> int | None:
    inside = re.search(rf"{re.escape(span.name)}[^(\n]*\(([^)]*)\)", span.head)
    if inside is None:
        return None
    for index, part in enumerate(inside[1].split(",")):
        if re.search(rf"(?<!\w){re.escape(word)}\b(?!\s*\()", part.split("=")[0]):
            return index
    return None


def _calls(
    helper: str, position: int, masked: Mapping[str, Masked], functions: Mapping[str, list[Span]], form: Form
) -> Iterator[Found]:
    before = r"(?:[^,()\n]*,\s*)" + "{" + str(position) + "}"
    pattern = rf"(?<![\w]){re.escape(helper)}\s*\(\s*{before}&?[\"'](?P<lit>[A-Za-z_][\w.\-]*)[\"']"
    for name, each in masked.items():
        for match in re.finditer(pattern, each.text):
            if each.kinds[match.start()] == 0:
                line = each.line(match.start())
                span = around(line, functions[name])
                yield Found(name, match["lit"], line, span.name if span else "", f"helper {helper}")


def _hosts(masked: Masked) -> Iterator[tuple[str, int]]:
    for match in (*URL.finditer(masked.text), *WHOLE.finditer(masked.text)):
        host = match["host"].rstrip(".")
        before = masked.text[match.end() : match.end() + 1]
        if masked.kinds[match.start()] == 1 and _real(host) and before not in ("@", "$", "{", "%", "#", "\\"):
            yield host, masked.line(match.start())


def _real(host: str) -> bool:
    """Say whether a host is one that is connected to: not this machine, no vocabulary, no number."""
    own = (
        "localhost",
        "127.",
        "0.0.0.0",
        "www.w3.org",
        "schemas.",
        "json-schema.org",
        "xmlns.",
        "purl.org",
        "opentelemetry.io",
    )
    return not host.lower().startswith(own) and not host[:1].isdigit()


def _clients(name: str, masked: Masked, form: Form) -> Iterator[Found]:
    for match in re.finditer(
        rf"(?:{form.client})\s*\(\s*(?:[^\n\"'()]{{0,40}},\s*)?[fb@$&]?[\"'`](?:\w+://)(?P<host>[A-Za-z0-9][\w.\-]*)(?![\w.\-]*[@${{%#\\])",
        masked.text,
    ):
        if masked.kinds[match.start()] == 0 and _real(match["host"]):
            yield Found(name, match["host"].rstrip(".").lower(), masked.line(match.start()), "", "client")
