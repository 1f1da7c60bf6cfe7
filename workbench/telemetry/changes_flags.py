"""Feature flags: which flag changed from what to what, of a flagd file in a checkout or of one that is served.

    FlagHistory("~/src/shop/flags.json").ask(Question(Modality.CHANGES, window, about=(payment,)))
    ServedFlags("https://flags.example/flags.json").ask(...)

A flag is about the entity of the settings, else about the services that its targeting names, else about whoever was
asked about and stands in its name; one that names nobody is told of all that were asked about. A server keeps no
history: what it served is compared with what it served before, as far as this process has looked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from ontology.errors import BadInput, NotFound, Unavailable
from scanners import bounded, documents
from scanners.changes.git_history import damage, root_of
from scanners.protocol import Problem
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.live_source import LiveSource, Row, names_of, replied, windows
from workbench.telemetry.pace import Pace
from workbench.telemetry.readonly import Allowed, ReadOnlySession

Flags = Mapping[str, Mapping[str, Any]]
"""Key of a flag to its definition, as flagd has it. https://flagd.dev/reference/flag-definitions"""
COMMITS = 500
"""Commits to a file that are read, the newest."""
DETAIL = 400
"""Characters of a value that are told."""
_SERVICE = re.compile(r'"var": "(?:service|service\.name|serviceName|service_name|app|application)"\}, "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Version:
    """The flags at a time."""

    at: datetime
    flags: Flags
    ref: str = ""
    who: str = ""
    """Who changed them and why, in words."""


class FlagHistory(LiveSource):
    """Answers questions on changes from the git history of a flagd file."""

    modality: ClassVar[Modality] = Modality.CHANGES

    def __init__(self, path: Path | str, entity: str = "") -> None:
        """Bind to a file in a checkout; nothing is read before the first question.

        Args:
            path: the file, JSON or YAML.
            entity: whom its flags are about; empty: as they say.
        """
        self._path, self._entity = Path(path).expanduser().absolute(), entity
        self.name = f"flags {self._path.name}"

    def reply(self, question: Question) -> Reply:
        """Return what changed from commit to commit, and since the last one where the file was edited."""
        if not self._path.is_file():
            raise NotFound(f"There is no file {self._path}.", next_step="Correct flag_files in the settings.")
        root = root_of(self._path.parent)
        inner = self._path.resolve().relative_to(root).as_posix()
        since = min(each.start for each in windows(question))
        with bounded.Parser() as parser:
            read = lambda text: flags_of(text, self._path.name, parser)  # noqa: E731  # a parser bound to this question
            every = _versions(root, inner, since, read)
            every.append(_edited(self._path, read))
        rows = (row for old, new in pairwise(every) for row in _rows(old, new, self._entity, question))
        query = f"git -C {root} log -p --since={since:%FT%TZ} -- {inner}"
        return replied(rows, question, searched=f"{inner} in git of {root.name}", query=query)


class ServedFlags(HttpSource):
    """Answers questions on changes from a flagd file that a server gives out."""

    name = "flags"
    modality: ClassVar[Modality] = Modality.CHANGES

    def __init__(
        self,
        url: str,
        entity: str = "",
        *,
        session: ReadOnlySession | None = None,
        headers: dict[str, str] | None = None,
        pace: Pace | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Bind to the file at `url`; nothing is sent before the first question.

        Args:
            url: address of the file.
            entity: whom its flags are about; empty: as they say.
            session: what carries the requests; a read-only one where none is given.
            headers: such as an authorization, for the default session.
            pace: how hard it may be asked, for the default session.
            now: the time, in UTC.

        Raises:
            BadInput: `url` is no http(s) address.
        """
        parts = urlsplit(url)
        self._file, self._entity, self._now = parts.path or "/", entity, now
        self.reads = (Allowed("GET", self._file),)
        super().__init__(f"{parts.scheme}://{parts.netloc}", session=session, headers=headers, pace=pace)

    def reply(self, question: Question) -> Reply:
        """Return what changed since this process looked first; of what was before only when, if the server says."""
        response = self.response("GET", self._file)
        with bounded.Parser() as parser:
            try:
                flags = flags_of(response.text, self._file.rsplit("/", 1)[-1], parser)
            except BadInput as error:
                raise Unavailable(
                    f"{self.url} does not answer in JSON: {error.problem}", next_step=self._check
                ) from error
        known = _seen(f"{self.url}{self._file}")
        changed = _date(response.headers.get("Last-Modified", ""))
        if not known or known[-1].flags != flags:
            known.append(Version(changed or self._now(), flags))
        rows = [row for old, new in pairwise(known) for row in _rows(old, new, self._entity, question)]
        if changed and changed == known[0].at:
            said = "flags changed; what they were before is not known"
            whom = [self._entity] if self._entity else sorted(names_of(question)) or [self._file.rsplit("/", 1)[-1]]
            rows += [(changed, each, "flag", said, "", "") for each in whom]
        remark = f"What a flag was is known since {known[0].at:%F %H:%M:%S} UTC: a server keeps no history."
        link = f"{self.url}{self._file}"
        return replied(rows, question, searched=link, query=f"GET {self._file}", link=link, remark=remark)


@lru_cache(maxsize=64)
def _seen(address: str) -> list[Version]:
    """Return what this process saw at an address, the oldest first: the only history that there is."""
    return []


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError):
        return None


def flags_of(text: str, name: str, parser: bounded.Parser) -> Flags:
    """Return the flags of a file's text.

    Raises:
        BadInput: it is no flagd file.
    """
    content: Any = None
    if text.lstrip()[:1] in ("{", "[") or name.endswith(".json"):
        whole = documents.json_of(text)
        why, content = (whole, None) if isinstance(whole, str) else ("", whole[0])
    else:
        found = parser.parse(text, name)
        why = found.reason if isinstance(found, Problem) else ""
        content = found[0].content if not isinstance(found, Problem) and found else None
    if why:
        raise BadInput(f"{name} cannot be read: {why}.", next_step="Name a flagd file, JSON or YAML.")
    if isinstance(content, dict) and isinstance(content.get("spec"), dict):  # a FeatureFlag of the OpenFeature operator
        content = content["spec"].get("flagSpec")
    flags = content.get("flags") if isinstance(content, dict) else None
    if not isinstance(flags, dict) or not all(isinstance(each, dict) for each in flags.values()):
        raise BadInput(f"{name} holds something else than expected: no flags.", next_step="Name a flagd file.")
    return {str(key): each for key, each in flags.items()}


# -- git -------------------------------------------------------------------------------------------------------


def _versions(root: Path, inner: str, since: datetime, read: Callable[[str], Flags]) -> list[Version]:
    """Return the versions of a file since a time, and the one before, the oldest first.

    Raises:
        BadInput: the repository is damaged.
    """
    from dulwich.repo import Repo

    found = list[Version]()
    broken = damage()
    try:
        with Repo(str(root)) as repo:
            for entry in repo.get_walker(paths=[inner.encode()], max_entries=COMMITS):
                commit = entry.commit
                at = datetime.fromtimestamp(commit.commit_time, UTC)
                subject = commit.message.decode(errors="replace").strip().partition("\n")[0]
                author = commit.author.decode(errors="replace").partition(" <")[0]
                who = f"{subject} ({author})"
                flags = _blob(repo, commit, inner, read)
                if flags is not None:
                    found.append(Version(at, flags, commit.id.decode()[:10], who))
                if at < since:
                    break
            if len(found) < COMMITS and (not found or found[-1].at >= since):
                found.append(Version(datetime.min.replace(tzinfo=UTC), {}))  # before it there was no file
    except broken as error:
        raise BadInput(
            f"The repository {root.name} is damaged: {type(error).__name__}.", next_step="Run git fsck in it."
        ) from error
    return found[::-1]


def _blob(repo: Any, commit: Any, inner: str, read: Callable[[str], Flags]) -> Flags | None:
    """Return the flags that a commit has; none where it has no such file, None where it broke it."""
    from dulwich.object_store import tree_lookup_path

    try:
        _, sha = tree_lookup_path(repo.__getitem__, commit.tree, inner.encode())
    except KeyError:
        return {}
    try:
        return read(repo[sha].data.decode(errors="replace"))
    except BadInput:  # flagd keeps what it had
        return None


def _edited(path: Path, read: Callable[[str], Flags]) -> Version:
    """Return the file as it lies there, which flagd reads whether it was committed or not.

    Raises:
        BadInput: it is no flagd file.
    """
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return Version(at, read(path.read_text(errors="replace")), "", "not committed")


# -- what changed ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """A part of a flag that is another now."""

    said: str
    detail: str = field(default="")


def _rows(old: Version, new: Version, entity: str, question: Question) -> Iterator[Row]:
    """Yield a row for each flag and each whom it is about."""
    names = names_of(question)
    for key in sorted({*old.flags, *new.flags}):
        changes = list(differences(old.flags.get(key), new.flags.get(key)))
        if not changes:
            continue
        said = f"flag {key}: {', '.join(each.said for each in changes)}" + (f": {new.who}" if new.who else "")
        detail = "\n".join(each.detail for each in changes if each.detail)
        whom = [entity] if entity else _about(key, (old.flags.get(key), new.flags.get(key)), names)
        for each in whom:
            yield new.at, each, "flag", said, new.ref, detail


def differences(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Change]:
    """Yield what differs between two definitions of a flag; None is no such flag.

    >>> off = {"state": "ENABLED", "variants": {"on": 100, "off": 0}, "defaultVariant": "off"}
    >>> [each.said for each in differences(off, {**off, "defaultVariant": "on"})]
    ['default off -> on']
    >>> [each.said for each in differences(None, off)]
    ['added, default off']
    """
    if old is None or new is None:
        there = new if old is None else old
        word = "added" if old is None else "removed"
        if there is not None:
            yield Change(
                f"{word}, default {there.get('defaultVariant')}", f"{'+' if old is None else '-'}{_shown(there)}"
            )
        return
    for name, word in (("state", "state"), ("defaultVariant", "default")):
        if old.get(name) != new.get(name):
            value = (f"{name}: {_valued(each)}" for each in (old, new)) if name == "defaultVariant" else ()
            yield Change(f"{word} {old.get(name)} -> {new.get(name)}", "\n".join(value))
    before, after = old.get("variants") or {}, new.get("variants") or {}
    for name in sorted({*map(str, before), *map(str, after)}) if before != after else ():
        if before.get(name) != after.get(name):
            yield Change(f"variant {name} {_shown(before.get(name))[:40]} -> {_shown(after.get(name))[:40]}")
    if old.get("targeting") != new.get("targeting"):
        pair = f"-targeting: {_shown(old.get('targeting'))}\n+targeting: {_shown(new.get('targeting'))}"
        yield Change("targeting changed", pair)


def _valued(flag: Mapping[str, Any]) -> str:
    """Return the default variant of a flag with its value."""
    name = flag.get("defaultVariant")
    return f"{name} = {_shown((flag.get('variants') or {}).get(name))}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:DETAIL]


def _about(key: str, definitions: tuple[Any, ...], names: frozenset[str]) -> list[str]:
    """Return whom a flag is about: the services that its targeting names, those asked about in its name, or all."""
    rules = json.dumps([(each or {}).get("targeting") for each in definitions], default=str)
    if targeted := sorted(set(_SERVICE.findall(rules))):
        return targeted
    plain = re.sub(r"[^a-z0-9]", "", key.lower())
    inside = sorted(each for each in names if re.sub(r"[^a-z0-9]", "", each.lower()) in plain)
    return inside or sorted(names) or [key]
