"""Changes: a local repository, GitHub, GitLab and Argo CD, and whose change each of them was."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dulwich import porcelain

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.ports import Source
from workbench.telemetry.argocd import ArgocdChanges
from workbench.telemetry.changes_forge import ForgeChanges, GithubChanges, GitlabChanges
from workbench.telemetry.changes_git import GitChanges
from workbench.testing.vendors import Page, VendorServer
from workbench.testing.vendors_changes import Repository, argocd, github, gitlab

WINDOW = Window.of("2026-01-31T02:50:00Z", "2026-01-31T02:55:00Z")
CART = Entity(iris.service("cart", "shop"), "Service", "cart")
Forge = tuple[type[ForgeChanges], Callable[..., VendorServer]]
FORGES: list[Forge] = [(GithubChanges, github), (GitlabChanges, gitlab)]


def changes(*rows: tuple[int, str, str]) -> pd.DataFrame:
    """Return changes: seconds after the window's start, entity, version."""
    columns = ["time", "entity", "kind", "summary", "ref", "detail"]
    table = [(WINDOW.start + timedelta(seconds=at), who, "deploy", f"ship {ref}", ref, "") for at, who, ref in rows]
    return pd.DataFrame(table, columns=columns)


def found(source: Source, *about: Entity) -> list[dict[str, Any]]:
    reply = source.ask(Question(Modality.CHANGES, WINDOW, about)).reply
    assert isinstance(reply, Answered), reply
    return reply.table.to_dict("records")


@pytest.mark.parametrize(("make", "double"), FORGES)
def test_a_repository_is_about_what_the_settings_say(
    make: type[ForgeChanges], double: Callable[..., VendorServer]
) -> None:
    """A mapped repository is its entity, another is called as its last part; who is not asked about is not asked."""
    held = changes((10, "shop-cart", "v2"), (20, "mail", "v7"))
    with double(held) as server:
        source = make(server.url, {"acme/shop-cart": "cart", "acme/mail": ""})
        every = {row["entity"] for row in found(source)}
        before = len(server.requests)
        rows = found(source, CART)

    assert every == {"cart", "mail"}
    assert {row["entity"] for row in rows} == {"cart"}
    assert {row["kind"] for row in rows} == {"deploy", "merge"}
    assert any("v2 deployed to production (success)" in row["summary"] for row in rows)
    assert not any("acme/mail" in path for _, path, _ in server.requests[before:])


@pytest.mark.parametrize(("make", "double"), FORGES)
def test_pages_are_followed_by_their_link(make: type[ForgeChanges], double: Callable[..., VendorServer]) -> None:
    """Of twelve deployments in pages of five none is missing."""
    held = changes(*((n, "cart", f"v{n}") for n in range(12)))
    with double(held, most=5) as server:
        rows = found(make(server.url, {"acme/cart": ""}))

    assert {row["summary"].split(" ")[1] for row in rows if row["kind"] == "deploy"} == {f"v{n}" for n in range(12)}


def test_github_stops_at_what_is_older_than_the_question() -> None:
    """Pages of last year are not read for a question on five minutes."""
    old = [(-100_000 - n, "cart", f"v{n}") for n in range(40)]
    with github(changes((10, "cart", "new"), *old), most=5) as server:
        rows = found(GithubChanges(server.url, {"acme/cart": ""}))

    assert {row["ref"] for row in rows if row["kind"] == "deploy"} == {"a84d88e755"}
    assert len(server.requests) == 3


@pytest.mark.parametrize(("make", "double"), FORGES)
def test_one_repository_that_fails_does_not_lose_the_other(
    make: type[ForgeChanges], double: Callable[..., VendorServer]
) -> None:
    """What could be read is answered, what could not is named; where nothing could be read the reply is Failed."""
    with double(changes((10, "cart", "v2"))) as server:
        if make is GithubChanges:
            server.canned = {"/repos/acme/gone/deployments": (404, b"{}")}
        reply = make(server.url, {"acme/cart": "", "acme/gone": ""}).ask(Question(Modality.CHANGES, WINDOW)).reply
        nothing = make(server.url, {"acme/gone": ""}).ask(Question(Modality.CHANGES, WINDOW)).reply

    assert isinstance(reply, Answered)
    assert "acme/gone could not be read" in reply.digest
    assert isinstance(nothing, Failed)


def test_a_next_page_elsewhere_is_not_followed() -> None:
    """A Link header to another host ends in Failed that says so; nothing, the token least of all, goes there."""
    old = {"sha": "a", "ref": "v1", "id": 1, "created_at": "2026-01-31T02:51:00Z"}
    with VendorServer(lambda _path, _query: None) as other:
        page = Page([old], {"Link": f'<{other.url}/repos/acme/cart/deployments>; rel="next"'})
        with VendorServer(lambda path, _query: page if path.endswith("deployments") else []) as evil:
            source = GithubChanges(evil.url, {"acme/cart": ""}, headers={"Authorization": "Bearer example"})
            reply = source.ask(Question(Modality.CHANGES, WINDOW)).reply

    assert isinstance(reply, Failed)
    assert "another address" in reply.reason
    assert other.requests == []


def test_a_folder_that_is_gone_is_not_the_repository_around_it(tmp_path: Path) -> None:
    """A missing folder is Failed, even where its parent lies in a repository."""
    porcelain.init(str(tmp_path)).close()
    reply = GitChanges(tmp_path / "gone").ask(Question(Modality.CHANGES, WINDOW)).reply

    assert isinstance(reply, Failed)
    assert "gone" in reply.reason


def test_a_commit_is_about_the_services_whose_folders_it_touched(tmp_path: Path) -> None:
    """Compose says which folder builds which service; else the folder's name does; else it is the repository's."""
    at = int(WINDOW.start.timestamp()) + 30
    root = tmp_path / "shop"
    root.mkdir()
    porcelain.init(str(root)).close()
    texts = {
        "compose.yaml": "services:\n  basket: {build: src/cart}\n",
        "src/cart/Dockerfile": "FROM x",
        "src/mail/app.py": "a",
        "README.md": "r",
    }
    for place, names in enumerate((("compose.yaml", "src/cart/Dockerfile"), ("src/mail/app.py",), ("README.md",))):
        for path in names:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(texts[path])
        porcelain.add(str(root), [str(root / path) for path in names])
        who = b"Jo <jo@example.com>"
        porcelain.commit(str(root), message=f"step {place}".encode(), author=who, committer=who,
                         commit_timestamp=at + place, author_timestamp=at + place)  # fmt: skip
    porcelain.tag_create(str(root), b"mail/v1.2.0")

    rows = found(GitChanges(root))

    assert {(row["entity"], row["kind"]) for row in rows} == {
        ("basket", "commit"),
        ("mail", "commit"),
        ("shop", "commit"),
        ("mail", "release"),
    }
    assert not any("example.com" in str(value) for row in rows for value in row.values())


@pytest.mark.parametrize("content", [None, b"ref: refs/heads/gone\n", b"\xff\x00garbage"])
def test_a_folder_without_a_history_is_no_invention(tmp_path: Path, content: bytes | None) -> None:
    """No repository or a damaged head is Failed, one without commits is Silent."""
    folder = tmp_path / "shop"
    folder.mkdir()
    if content is not None:
        porcelain.init(str(folder)).close()
        (folder / ".git" / "HEAD").write_bytes(content)
    reply = GitChanges(folder).ask(Question(Modality.CHANGES, WINDOW)).reply

    assert isinstance(reply, Silent if content == b"ref: refs/heads/gone\n" else Failed), reply


def test_argo_says_what_was_released_by_whom_to_which_workload() -> None:
    """Each release names the revision before, the workload that the application manages, and its source."""
    with argocd(changes((10, "cart", "aaaaaaa1"), (60, "cart", "bbbbbbb2"))) as server:
        rows = found(ArgocdChanges(server.url), CART)

    assert [row["summary"] for row in rows] == [
        "app-cart synchronised automatically: unknown -> aaaaaaa1",
        "app-cart synchronised automatically: aaaaaaa1 -> bbbbbbb2",
    ]
    assert {row["entity"] for row in rows} == {"cart"}
    assert {row["detail"] for row in rows} == {"deploy/cart of <https://git.example/shop> at HEAD"}


def test_a_link_in_a_detail_is_not_read_as_a_setting() -> None:
    """What tells configuration from code by `name: value` lines finds none in the details of these sources."""
    held = changes((10, "cart", "v2"))
    with github(held) as first, gitlab(held) as second, argocd(held) as third:
        rows = [
            *found(GithubChanges(first.url, {"acme/cart": ""})),
            *found(GitlabChanges(second.url, {"acme/cart": ""})),
            *found(ArgocdChanges(third.url)),
        ]

    assert len(rows) == 5
    assert not [row["detail"] for row in rows if re.match(r"[\w.-]+\s*[:=]", row["detail"])]


def test_a_sync_that_failed_is_a_change_too() -> None:
    """An operation in error is told with its message."""
    operation = {"phase": "Failed", "message": "hook failed", "finishedAt": "2026-01-31T02:51:00Z"}
    said = {"metadata": {}, "items": [{"metadata": {"name": "cart"}, "status": {"operationState": operation}}]}
    with VendorServer(lambda _path, _query: said) as server:
        rows = found(ArgocdChanges(server.url))

    assert [row["summary"] for row in rows] == ["cart sync failed: hook failed"]


def test_an_argo_without_applications_is_silent() -> None:
    """No application is silence: `items` is null there."""
    with VendorServer(lambda _path, _query: {"metadata": {}, "items": None}) as server:
        reply = ArgocdChanges(server.url).ask(Question(Modality.CHANGES, WINDOW)).reply

    assert isinstance(reply, Silent)


def test_git_reads_a_repository_of_a_case() -> None:
    """The commits of the window come with their files, and those outside it do not."""
    with Repository(changes((-600, "cart", "v1"), (10, "cart", "v2"))) as place:
        rows = found(GitChanges(place.url), CART)

    assert [(row["summary"], row["detail"]) for row in rows] == [("ship v2 (Jo)", "src/cart/settings.py")]
