"""git: the last commits and what they changed, releases and deploys by their tags, who owns what by CODEOWNERS.

The newest 500 commits, of the 90 days before the newest: what changed near an alert, not an archive. Authors are kept
by name, without their address. A service is changed by a commit that touches its folder, as the Compose files beside
the code say which folder builds which service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ontology import iris, terms
from ontology.nouns import Fact, Iri, Layer
from ontology.terms import Kind
from scanners.changes.codeowners_file import Handle, Owners, code_owners
from scanners.changes.git_history import COMMITS, DAYS, Commit, History, Tag, history, root_of
from scanners.ledger import Ledger
from scanners.origin import Origin, origin
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.references import LIKELY
from scanners.secrecy import without_secrets
from scanners.source.ownership import Owner, owner_of, owners_below

_ENVIRONMENT = re.compile(
    r"(?:^|[/\-_])(prod(?:uction)?|staging|stage|dev(?:elopment)?|test|qa|uat|canary)(?:[/\-_]|$)"
)
_DEPLOY = re.compile(r"^deploy")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A repository, read."""

    history: History
    origin: Origin
    services: Mapping[str, Owner]
    """Folder to the service that is built from it."""
    code_owners: Owners | None


@dataclass(frozen=True, slots=True)
class GitScanner:
    """Reads the repository that a folder lies in."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    commits: int = COMMITS
    days: int = DAYS
    name: str = "git"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The repository: `github.com/acme/shop`, or its folder's name."""
        return origin(self.target).repository

    def read(self) -> Reading[Checkout]:
        """Read the history.

        Raises:
            NotFound: no repository.
            BadInput: it is damaged to its head.
        """
        root = root_of(self.target)
        found = history(root, self.commits, self.days)
        problems = list(found.problems)
        try:
            rules = code_owners(found.owners)
        except ValueError as error:
            rules = None
            problems.append(Problem("CODEOWNERS", str(error)))
        services = owners_below(root, self.environment, self.redact, self.now)
        raw = Checkout(found, origin(root), services, rules)
        return Reading(raw, self.now(), tuple(problems), not problems, tuple(found.skipped))

    def facts(self, reading: Reading[Checkout]) -> tuple[Fact, ...]:
        """Say what changed, what was released and who answers for it."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        raw = reading.raw
        repository = ledger.thing(raw.origin.iri, Kind.REPOSITORY, raw.origin.name)
        ledger.say(repository, terms.OTEL_VCS_REF_HEAD_REVISION, raw.history.head)
        ledger.say(repository, terms.otel("vcs.ref.head.name"), raw.history.branch)
        for commit in raw.history.commits:
            _write_commit(ledger, raw, commit, repository)
        for tag in raw.history.tags:
            _write_tag(ledger, raw, tag, repository)
        if raw.code_owners is not None:
            _write_owners(ledger, raw, raw.code_owners)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)


def _write_commit(ledger: Ledger, raw: Checkout, commit: Commit, repository: Iri) -> Iri:
    """Write down a commit, the files it changed and the services whose files these are."""
    iri = ledger.thing(iris.thing("commit", raw.origin.repository, commit.sha), Kind.COMMIT, commit.sha[:10])
    ledger.say(iri, terms.PART_OF, repository)
    ledger.say(iri, terms.COMMIT_SHA, commit.sha)
    ledger.say(iri, terms.USER, commit.author)
    ledger.say(iri, terms.GENERATED_AT_TIME, commit.time)
    ledger.say(iri, terms.DESCRIPTION, commit.subject)
    for path in commit.files:
        file = ledger.thing(raw.origin.file(path), Kind.FILE, path)
        ledger.say(file, terms.PART_OF, repository)
        ledger.say(file, terms.CHANGED_BY, iri, evidence=commit.sha[:10])
        owner = owner_of(path, raw.services)
        if owner is not None:
            ledger.thing(owner.service, Kind.SERVICE, owner.name)
            ledger.say(owner.service, terms.CHANGED_BY, iri, evidence=path)
    return iri


def _write_tag(ledger: Ledger, raw: Checkout, tag: Tag, repository: Iri) -> None:
    """Write down a release, or a deploy where the tag is called so, and the services that its name names."""
    deploy = bool(_DEPLOY.match(tag.name))
    kind, named = (Kind.DEPLOY, "deploy") if deploy else (Kind.RELEASE, "release")
    iri = ledger.thing(iris.thing(named, raw.origin.repository, tag.name), kind, tag.name)
    ledger.say(iri, terms.PART_OF, repository)
    ledger.say(iri, terms.COMMIT_SHA, tag.sha)
    ledger.say(iri, terms.STARTED_AT_TIME if deploy else terms.GENERATED_AT_TIME, tag.time)
    commit = ledger.thing(iris.thing("commit", raw.origin.repository, tag.sha), Kind.COMMIT, tag.sha[:10])
    ledger.say(iri, terms.WAS_DERIVED_FROM, commit, evidence=f"tag {tag.name}")
    where = _ENVIRONMENT.search(tag.name)
    ledger.say(iri, terms.ENVIRONMENT, where[1] if where else None, evidence=f"tag {tag.name}")
    for owner in raw.services.values():
        if re.search(rf"(?:^|[/@_\-]){re.escape(owner.name)}(?:[/@_\-]v?\d|[/@]|$)", tag.name):
            ledger.thing(owner.service, Kind.SERVICE, owner.name)
            ledger.say(owner.service, terms.DEPLOYED_BY, iri, confidence=LIKELY, evidence=f"tag {tag.name}")


def _write_owners(ledger: Ledger, raw: Checkout, rules: Owners) -> None:
    """Write down who owns the files that changed, and the services whose folder has one owner."""
    for path in sorted({path for commit in raw.history.commits for path in commit.files}):
        handles, where = rules.of(path)
        for handle in handles:
            ledger.say(raw.origin.file(path), terms.OWNED_BY, _write_handle(ledger, handle, where), evidence=where)
    for folder, owner in raw.services.items():
        handles, where, sure = rules.of_folder(folder, raw.history.files)
        for handle in handles:
            ledger.thing(owner.service, Kind.SERVICE, owner.name)
            team = _write_handle(ledger, handle, where)
            ledger.say(owner.service, terms.OWNED_BY, team, confidence=sure, evidence=where)


def _write_handle(ledger: Ledger, handle: Handle, evidence: str) -> Iri:
    """Write down a team or a person; return their IRI."""
    kind, named = (Kind.TEAM, "team") if handle.team else (Kind.PERSON, "person")
    iri = ledger.thing(iris.thing(named, handle.name), kind, handle.name, evidence)
    ledger.say(iri, terms.NAME, handle.written, evidence=evidence)
    return iri
