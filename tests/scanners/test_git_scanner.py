"""git: commits and what they changed, tags, owners, and repositories that are damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dulwich import porcelain
from dulwich.repo import Repo

from ontology import iris, terms
from ontology.errors import BadInput, NotFound
from ontology.nouns import Fact
from scanners.changes.git import GitScanner
from scanners.source.scanner import SourceScanner

Saying = Callable[[Iterable[Fact]], set[tuple[str, str, Any]]]
NOON = 1_769_860_800
"""2026-01-31T12:00:00Z."""
COMPOSE = "name: shop\nservices:\n  cart: {build: src/cart}\n  web: {build: src/web}\n"


class Work:
    """A repository being written."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.root, self.repo = root, Repo.init(str(root))
        config = self.repo.get_config()
        config.set((b"remote", b"origin"), b"url", b"git@github.com:Acme/Shop.git")
        config.write_to_path()

    def commit(self, files: dict[str, str], message: str, hours: float = 0, author: str = "Jo <jo@example.com>") -> str:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        porcelain.add(self.root, [str(self.root / name) for name in files])
        at = int(NOON + hours * 3600)
        sha = porcelain.commit(self.root, message=message.encode(), author=author.encode(), committer=author.encode(),
                               commit_timestamp=at, author_timestamp=at)  # fmt: skip
        return sha.decode()

    def tag(self, name: str, *, annotated: bool = False) -> None:
        if annotated:
            porcelain.tag_create(self.root, name.encode(), author=b"Jo <jo@example.com>", message=b"m", annotated=True,
                                 tag_time=NOON + 60, tag_timezone=0)  # fmt: skip
        else:
            porcelain.tag_create(self.root, name.encode())


@pytest.fixture
def work(tmp_path: Path) -> Work:
    work = Work(tmp_path / "shop")
    work.commit({"compose.yaml": COMPOSE, "src/cart/Dockerfile": "FROM x", "src/cart/app.py": "a"}, "Begin", -48)
    return work


def between(facts: Iterable[Fact], predicate: str) -> set[tuple[str, Any]]:
    return {(fact.subject, fact.object) for fact in facts if fact.predicate == predicate}


def test_a_commit_changes_files_and_their_service(work: Work, said: Saying) -> None:
    """The service whose folder a commit touches is changed by it, no other; time and first line are kept."""
    sha = work.commit({"src/cart/app.py": "b", "README.md": "r"}, "Retry twice\n\nbecause", 0)

    facts = GitScanner(work.root).scan().facts

    commit = iris.thing("commit", "github.com/acme/shop", sha)
    assert between(facts, terms.CHANGED_BY) >= {
        (iris.thing("file", "github.com/acme/shop", "src/cart/app.py"), commit),
        (iris.thing("file", "github.com/acme/shop", "README.md"), commit),
        (iris.service("cart"), commit),
    }
    assert (iris.service("web"), commit) not in between(facts, terms.CHANGED_BY)
    assert (sha[:10], "description", "Retry twice") in said(facts)
    assert (commit, datetime(2026, 1, 31, 12, tzinfo=UTC)) in between(facts, terms.GENERATED_AT_TIME)


def test_files_meet_those_of_the_source_scanner(work: Work) -> None:
    """A file has one IRI, whoever speaks of it."""
    code = {fact.subject for fact in SourceScanner(work.root).scan().facts}
    changed = {fact.subject for fact in GitScanner(work.root).scan().facts if fact.predicate == terms.CHANGED_BY}

    assert iris.thing("file", "github.com/acme/shop", "src/cart/app.py") in code & changed


def test_no_address_of_a_person_is_kept(work: Work) -> None:
    """Authors, messages and owners leave their e-mail addresses behind."""
    work.commit(
        {".github/CODEOWNERS": "* jo@example.com\n"}, "Thanks to amy@example.com", 0, "jo@example.com <jo@example.com>"
    )

    facts = GitScanner(work.root).scan().facts

    assert not [fact for fact in facts if "@example.com" in str(fact.object) + fact.subject]
    assert "jo" in {fact.object for fact in facts if fact.predicate == terms.USER}


def test_tags_are_releases_and_deploys(work: Work, said: Saying) -> None:
    """`v1.2`, `deploy-…` and annotated tags count, a bookmark does not; a deploy names environment and service."""
    for name in ("v1.2", "deploy/prod/cart/2026-01-31", "bookmark"):
        work.tag(name)
    work.tag("gold", annotated=True)

    facts = GitScanner(work.root).scan().facts

    kinds = {
        (fact.subject.rpartition(":")[2], terms.kind_of(str(fact.object)))
        for fact in facts
        if fact.predicate == terms.TYPE and ("/release/" in fact.subject or "/deploy/" in fact.subject)
    }
    assert kinds == {("v1.2", "Release"), ("gold", "Release"), ("2026-01-31", "Deploy")}
    assert ("deploy/prod/cart/2026-01-31", "environment", "prod") in said(facts)
    deployed = [fact for fact in facts if fact.predicate == terms.DEPLOYED_BY]
    assert [(fact.subject, fact.confidence) for fact in deployed] == [(iris.service("cart"), 0.7)]


def test_the_owner_of_a_folder_owns_its_service(work: Work, said: Saying) -> None:
    """All of a folder: 0.9; nearly all: 0.7; half and half: nobody. A person is no team."""
    owners = "src/cart/ @acme/payments\nsrc/web/a.py @acme/web\nsrc/web/b.py @kim\n"
    work.commit({"CODEOWNERS": owners, "src/web/a.py": "", "src/web/b.py": "", "src/web/Dockerfile": "FROM y"}, "Own")

    facts = GitScanner(work.root).scan().facts

    owned = {(fact.object, fact.confidence) for fact in facts
             if fact.predicate == terms.OWNED_BY and fact.subject == iris.service("cart")}  # fmt: skip
    assert owned == {(iris.thing("team", "payments"), 0.9)}
    assert iris.service("web") not in {fact.subject for fact in facts if fact.predicate == terms.OWNED_BY}
    assert ("src/web/b.py", "ownedBy", "kim") in said(facts)
    assert (iris.thing("person", "kim"), terms.class_iri("Person")) in between(facts, terms.TYPE)


def test_only_the_newest_commits_are_read(work: Work) -> None:
    """No more commits than asked for, and none older than the days before the newest."""
    for n in range(5):
        work.commit({f"f{n}": ""}, f"n{n}", n)

    def count(scanner: GitScanner) -> int:
        return len([each for each in scanner.scan().facts if each.predicate == terms.COMMIT_SHA])

    assert count(GitScanner(work.root, commits=3)) == 3
    assert count(GitScanner(work.root, days=1)) == 5
    assert count(GitScanner(work.root)) == 6


def test_a_huge_commit_is_cut_and_said(work: Work) -> None:
    """Of a commit with 300 files 200 are kept; the scan is whole, and says what it left out."""
    work.commit({f"many/{n}.txt": "" for n in range(300)}, "Import")

    scan = GitScanner(work.root).scan()

    assert scan.complete
    assert [each.reason for each in scan.skipped] == ["changes more than 200 files; the first are kept"]
    assert len([each for each in scan.facts if each.predicate == terms.CHANGED_BY and "/file/" in each.subject]) == 203


def test_a_shallow_clone_is_whole_and_says_so(work: Work) -> None:
    """Missing history of a shallow clone is told; the scan of what is here is complete, and nothing is made up."""
    sha = work.commit({"late": ""}, "Late", 1)
    (work.root / ".git" / "shallow").write_text(sha + "\n")

    scan = GitScanner(work.root).scan()

    assert scan.complete
    assert "a shallow clone: older history is not here" in {each.reason for each in scan.skipped}
    assert len([each for each in scan.facts if each.predicate == terms.COMMIT_SHA]) == 1


def test_hooks_and_configured_commands_are_not_run(work: Work, tmp_path: Path) -> None:
    """Hooks, a file system monitor and a pager that the repository brings leave no trace."""
    witness = tmp_path / "ran"
    config = work.repo.get_config()
    for key in (b"fsmonitor", b"pager", b"sshCommand", b"editor"):
        config.set((b"core",), key, f"touch {witness}".encode())
    config.write_to_path()
    for hook in ("post-checkout", "reference-transaction", "fsmonitor-watchman", "pre-commit"):
        path = work.root / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {witness}\n")
        path.chmod(0o755)

    assert GitScanner(work.root).scan().complete
    assert not witness.exists()


def test_damage_is_told(work: Work) -> None:
    """A broken head is an error with a next step; a broken older commit is a problem, and the newer ones are there."""
    first = work.repo.head().decode()
    second = work.commit({"late": ""}, "Late", 1)

    def spoil(sha: str) -> None:
        path = work.root / ".git" / "objects" / sha[:2] / sha[2:]
        path.chmod(0o644)
        path.write_bytes(b"rubbish")

    spoil(first)
    scan = GitScanner(work.root).scan()
    assert not scan.complete
    assert scan.problems
    spoil(second)
    with pytest.raises(BadInput, match="Next: Run git fsck"):
        GitScanner(work.root).scan()


def test_no_repository_and_an_empty_one(tmp_path: Path) -> None:
    """A folder without git is refused with the next step; a repository without commits is one without commits."""
    with pytest.raises(NotFound, match="Next:"):
        GitScanner(tmp_path).scan()
    work = Work(tmp_path / "new")

    scan = GitScanner(work.root).scan()

    assert scan.complete
    assert [each.reason for each in scan.skipped] == ["no commit yet"]


@pytest.mark.parametrize("text", [b"* \xff\xfe", b"[broken @acme/x\n" + b"src/[a @acme/x\n", b"#" * 3_000_000])
def test_broken_owners_are_a_problem(work: Work, text: bytes) -> None:
    """CODEOWNERS in another encoding, with a broken pattern or too large is set aside; the commits are there."""
    (work.root / "CODEOWNERS").write_bytes(text)
    porcelain.add(work.root, [str(work.root / "CODEOWNERS")])
    porcelain.commit(work.root, message=b"Own", author=b"Jo <j@x>", committer=b"Jo <j@x>")

    scan = GitScanner(work.root).scan()

    assert len(scan.problems) == 1
    assert not scan.complete
    assert not [fact for fact in scan.facts if fact.predicate == terms.OWNED_BY]
    assert [fact for fact in scan.facts if fact.predicate == terms.COMMIT_SHA]


def test_a_rewritten_history_is_gone(work: Work) -> None:
    """A commit that the head no longer leads to is not in the facts of the next scan."""
    sha = work.commit({"late": ""}, "Late", 1)
    before = GitScanner(work.root).scan().facts
    work.repo.refs[b"HEAD"] = work.repo[sha.encode()].parents[0]

    after = GitScanner(work.root).scan().facts

    commit = iris.thing("commit", "github.com/acme/shop", sha)
    assert commit in {fact.subject for fact in before} - {fact.subject for fact in after}


def test_a_submodule_is_no_file(work: Work) -> None:
    """A commit that adds a submodule changes no file by its name."""
    tree = work.repo[work.repo[work.repo.head()].tree]
    tree.add(b"vendored", 0o160000, b"1" * 40)
    work.repo.object_store.add_object(tree)
    commit = work.repo[work.repo.head()].copy()
    commit.tree, commit.parents = tree.id, [work.repo.head()]
    work.repo.object_store.add_object(commit)
    work.repo.refs[b"HEAD"] = commit.id

    scan = GitScanner(work.root).scan()

    assert scan.complete
    assert not [fact for fact in scan.facts if "vendored" in fact.subject]
