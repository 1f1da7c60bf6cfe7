"""Servers of our own that answer as forges and Argo CD document, and a repository, from the changes of a case."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.testing.vendors import Page, VendorServer


def _at(row: Mapping[Any, Any]) -> str:
    return f"{row['time']:%Y-%m-%dT%H:%M:%SZ}"


def _paged(server: VendorServer, path: str, parameters: Mapping[str, str], every: Sequence[object], most: int) -> Page:
    """Return a page of a list, with the link to the next."""
    size, number = min(int(parameters.get("per_page", "30")), most), int(parameters.get("page", "1"))
    some = list(every[(number - 1) * size : number * size])
    following = f'<{server.url}{path}?per_page={size}&page={number + 1}>; rel="next", <x>; rel="last"'
    return Page(some, {"Link": following} if number * size < len(every) else {})


def github(changes: pd.DataFrame, *, most: int = 100) -> VendorServer:
    """Return a GitHub in which each row is a deployment of `acme/<entity>`, and a merged pull request."""
    rows = changes.sort_values("time", ascending=False).to_dict("records")

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        parts = path.strip("/").split("/")
        if len(parts) < 4 or parts[0] != "repos":
            return None
        own = [(number, each) for number, each in enumerate(rows) if each["entity"] == parts[2]]
        if parts[-1] == "statuses":
            return [{"state": "success"}]
        if parts[3] == "deployments":
            return _paged(server, path, parameters, [_deployment(*each) for each in own], most)
        return _paged(server, path, parameters, [_pull(*each) for each in own], most) if parts[3] == "pulls" else None

    server = VendorServer(answer)
    return server


def _deployment(number: int, row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "sha": "a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d",
        "ref": row["ref"],
        "environment": "production",
        "description": row["summary"],
        "created_at": _at(row),
    }


def _pull(number: int, row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "number": number,
        "title": row["summary"],
        "user": {"login": "jo"},
        "merged_at": None if "closed" in row["summary"] else _at(row),
        "updated_at": _at(row),
        "merge_commit_sha": "e5bd3914e2e596debea16f433f57875b5b90bcd6",
        "html_url": f"https://example.com/pull/{number}",
    }


def gitlab(changes: pd.DataFrame, *, most: int = 100) -> VendorServer:
    """Return a GitLab in which each row is a deployment of the project `acme/<entity>`, and a merged request."""
    rows = changes.sort_values("time", ascending=False).to_dict("records")
    projects = {entity: number for number, entity in enumerate(sorted(changes["entity"].unique()), 7)}

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if path == "/api/v4/projects":
            return [{"id": number, "path_with_namespace": f"acme/{name}"} for name, number in projects.items()]
        parts = path.strip("/").split("/")
        own = [(n, each) for n, each in enumerate(rows) if str(projects[each["entity"]]) == parts[3]]
        if parts[-1] == "deployments":
            return _paged(server, path, parameters, [_gitlab_deployment(*each) for each in own], most)
        return _paged(server, path, parameters, [_merge(*each) for each in own], most)

    server = VendorServer(answer)
    return server


def _gitlab_deployment(number: int, row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "sha": "a91957a858320c0e17f3a0eca7cfacbff50ea29a",
        "ref": row["ref"],
        "status": "success",
        "created_at": _at(row),
        "updated_at": _at(row),
        "environment": {"id": 9, "name": "production"},
        "deployable": {"finished_at": _at(row), "name": "deploy"},
    }


def _merge(number: int, row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "iid": number,
        "title": row["summary"],
        "author": {"username": "jo"},
        "merged_at": _at(row),
        "merge_commit_sha": None,
        "sha": "8888888888888888888888888888888888888888",
        "web_url": f"https://example.com/merge_requests/{number}",
    }


def argocd(changes: pd.DataFrame) -> VendorServer:
    """Return an Argo CD with an application `app-<entity>` for each entity, each row a release."""

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if path != "/api/v1/applications":
            return None
        groups = changes.sort_values("time").groupby("entity")
        return {"metadata": {}, "items": [_application(str(name), some.to_dict("records")) for name, some in groups]}

    return VendorServer(answer)


def _application(entity: str, rows: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    source = {"repoURL": "https://git.example/shop", "path": f"deploy/{entity}", "targetRevision": "HEAD"}
    history = [
        {
            "id": number,
            "revision": row["ref"],
            "deployedAt": _at(row),
            "source": source,
            "initiatedBy": {"automated": True},
        }
        for number, row in enumerate(rows)
    ]
    resources = [{"kind": "Service", "name": "svc"}, {"group": "apps", "kind": "Deployment", "name": entity}]
    return {"metadata": {"name": f"app-{entity}"}, "status": {"history": history, "resources": resources}}


class Repository:
    """A git repository in which each row is a commit below `src/<entity>`; use it as a context manager."""

    def __init__(self, changes: pd.DataFrame) -> None:
        self._changes = changes
        self._folder = tempfile.TemporaryDirectory(prefix="repository-")
        self.url = self._folder.name

    def __enter__(self) -> Repository:
        from dulwich import porcelain
        from dulwich.repo import Repo

        Repo.init(self.url).close()
        who = b"Jo <jo@example.com>"
        for number, row in enumerate(self._changes.sort_values("time").to_dict("records")):
            path = Path(self.url) / "src" / row["entity"] / "settings.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number}")
            porcelain.add(self.url, [str(path)])
            at = int(row["time"].timestamp())
            porcelain.commit(
                self.url,
                message=row["summary"].encode(),
                author=who,
                committer=who,
                commit_timestamp=at,
                author_timestamp=at,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def flags(changes: pd.DataFrame) -> dict[str, Any]:
    """Return a flagd file with a flag for each entity, on where its service is."""
    rule = {entity: {"==": [{"var": "service"}, entity]} for entity in changes["entity"].unique()}
    return {
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": {
            f"{entity}Failure": {
                "state": "ENABLED",
                "variants": {"on": 100, "off": 0},
                "defaultVariant": "off",
                "targeting": {"if": [each, "on", "off"]},
            }
            for entity, each in rule.items()
        },
    }


def served_flags(changes: pd.DataFrame) -> VendorServer:
    """Return a server of a flagd file that was changed last at the time of the last row."""
    last = {"Last-Modified": f"{changes['time'].max():%a, %d %b %Y %H:%M:%S} GMT"}
    return VendorServer(lambda path, _: Page(flags(changes), last) if path == "/flags.json" else None)


class FlagFile:
    """A flagd file in a repository, in which each row is a commit that turns its entity's flag; a context manager."""

    def __init__(self, changes: pd.DataFrame) -> None:
        self._changes = changes
        self._folder = tempfile.TemporaryDirectory(prefix="flags-")
        self.url = str(Path(self._folder.name) / "flags.json")

    def __enter__(self) -> FlagFile:
        from dulwich.repo import Repo

        Repo.init(self._folder.name).close()
        content = flags(self._changes)
        rows = self._changes.sort_values("time").to_dict("records")
        self.commit(content, "Flags", rows[0]["time"] - pd.Timedelta(days=1))
        for row in rows:
            each = content["flags"][f"{row['entity']}Failure"]
            each["defaultVariant"] = "off" if each["defaultVariant"] == "on" else "on"
            self.commit(content, row["summary"], row["time"])
        return self

    def commit(self, content: Mapping[str, Any], subject: str, time: pd.Timestamp) -> None:
        """Write the file, and commit it at a time."""
        from dulwich import porcelain

        who, at = b"Jo <jo@example.com>", int(time.timestamp())
        Path(self.url).write_text(json.dumps(content))
        os.utime(self.url, (at, at))
        porcelain.add(self._folder.name, [self.url])
        porcelain.commit(
            self._folder.name,
            message=subject.encode(),
            author=who,
            committer=who,
            commit_timestamp=at,
            author_timestamp=at,
        )

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()
