"""GitHub and GitLab: deployments and merged changes of some repositories, by their HTTP APIs.

    GithubChanges("https://api.github.com", {"acme/shop-cart": "cart"}).ask(Question(Modality.CHANGES, window))

A repository is about the entity that the settings say, else about what it is called. Pages are followed by their
`Link` header, newest first, until they are older than the question.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from ontology.errors import PersonError, Unavailable
from ontology.nouns import utc
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.live_source import Row, names_of, parsed, replied, windows
from workbench.telemetry.pace import Pace
from workbench.telemetry.readonly import Allowed, ReadOnlySession

PAGE = "100"
PAGES = 5
"""Answers of one list; beyond it the reply says that it is cut off."""
STATUSES = 20
"""Deployments whose outcome is asked for: each is a request of its own."""


class ForgeChanges(HttpSource):
    """What GitHub and GitLab have in common: repositories that are entities, and lists in pages."""

    modality: ClassVar[Modality] = Modality.CHANGES

    def __init__(
        self,
        url: str,
        repositories: Mapping[str, str],
        *,
        session: ReadOnlySession | None = None,
        headers: dict[str, str] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Bind to the API at `url`.

        Args:
            url: address of the API.
            repositories: repository (`owner/name`) to the name of its entity; empty: the last part of the repository's.
            session: what carries the requests; a read-only one where none is given.
            headers: such as an authorization.
            pace: how hard it may be asked, for the default session.

        Raises:
            BadInput: `url` is no http(s) address.
        """
        super().__init__(url, session=session, headers=headers, pace=pace)
        self._entities = {each: name or each.rsplit("/", 1)[-1] for each, name in repositories.items()}

    def reply(self, question: Question) -> Reply:
        """Return what was deployed and merged; a repository that cannot be read is named."""
        names, since = names_of(question), min(each.start for each in windows(question))
        rows, problems, remarks = list[Row](), list[PersonError](), list[str]()
        meant = {each: name for each, name in self._entities.items() if not names or name in names}
        for repository, entity in meant.items():
            try:
                rows += parsed(self.name, self.changes(repository, entity, since, question.window.end, remarks))
            except PersonError as error:
                problems.append(error)
                remarks.append(f"{repository} could not be read: {error.problem}")
        if meant and len(problems) == len(meant):
            raise problems[0]
        query = "\n".join(self.query(each, since) for each in meant)
        searched = f"{self.url} ({', '.join(meant) or 'no repository of these entities'})"
        return replied(rows, question, searched=searched, query=query, link=self.link(meant), remark=" ".join(remarks))

    @abstractmethod
    def changes(
        self, repository: str, entity: str, since: datetime, until: datetime, remarks: list[str]
    ) -> Iterator[Row]:
        """Yield the changes of a repository; what is not whole is added to `remarks`.

        Raises:
            Unavailable: it cannot be read.
        """

    @abstractmethod
    def query(self, repository: str, since: datetime) -> str:
        """Return the first request, in words."""

    @abstractmethod
    def link(self, repositories: Mapping[str, str]) -> str:
        """Return where a person sees the changes of the first repository."""

    def pages(self, path: str, parameters: Mapping[str, str], remarks: list[str]) -> Iterator[list[dict[str, Any]]]:
        """Yield page after page of a list.

        Raises:
            Unavailable: no answer, a refusal, no list, or a next page at another address.
        """
        asked: Mapping[str, str] | None = {**parameters, "per_page": PAGE}
        for _ in range(PAGES):
            response = self.response("GET", path, asked)
            yield self.listed(response)
            following = response.links.get("next", {}).get("url", "")
            if not following:
                return
            if not following.startswith(f"{self.url}/"):
                raise Unavailable(f"{self.name} leads to another address.", next_step="Set its final address.")
            path, asked = following.removeprefix(self.url), None
        remarks.append(f"Only the newest {PAGES * int(PAGE)} entries of {path.partition('?')[0]} were read.")


class GithubChanges(ForgeChanges):
    """Answers questions on changes from GitHub."""

    name = "github"
    reads = tuple(
        Allowed("GET", path)
        for path in (
            "/repos/{owner}/{repository}/deployments",
            "/repos/{owner}/{repository}/deployments/{id}/statuses",
            "/repos/{owner}/{repository}/pulls",
            "/repositories/{id}/deployments",  # what GitHub's own links to the next page look like
            "/repositories/{id}/pulls",
        )
    )

    def changes(
        self, repository: str, entity: str, since: datetime, until: datetime, remarks: list[str]
    ) -> Iterator[Row]:
        """Yield deployments with their outcome, and merged pull requests."""
        meant = list(self._deployments(repository, since, until, remarks))
        for place, each in enumerate(meant):
            outcome = self._outcome(repository, each) if place < STATUSES else ""
            said = f"{entity} {each['ref']} deployed to {each.get('environment', 'somewhere')}{outcome}"
            yield each["created_at"], entity, "deploy", said, str(each["sha"])[:10], str(each.get("description") or "")
        asked = {"state": "closed", "sort": "updated", "direction": "desc"}
        for page in self.pages(f"/repos/{repository}/pulls", asked, remarks):
            for each in page:
                if each.get("merged_at"):
                    said = f"#{each['number']} {each['title']} ({(each.get('user') or {}).get('login', 'someone')})"
                    ref = str(each.get("merge_commit_sha") or "")[:10]
                    yield each["merged_at"], entity, "merge", said, ref, f"<{each.get('html_url', '')}>"
            if not page or utc(page[-1]["updated_at"]) < since:
                return

    def _deployments(
        self, repository: str, since: datetime, until: datetime, remarks: list[str]
    ) -> Iterator[dict[str, Any]]:
        for page in self.pages(f"/repos/{repository}/deployments", {}, remarks):
            yield from (each for each in page if since <= utc(each["created_at"]) <= until)
            if not page or utc(page[-1]["created_at"]) < since:
                return

    def _outcome(self, repository: str, deployment: Mapping[str, Any]) -> str:
        """Return how a deployment went, by its latest status."""
        path = f"/repos/{repository}/deployments/{deployment['id']}/statuses"
        found = self.items(path, {"per_page": "1"})
        return f" ({found[0]['state']})" if found else ""

    def query(self, repository: str, since: datetime) -> str:
        """Return the first request, in words."""
        return f"GET /repos/{repository}/deployments, /repos/{repository}/pulls?state=closed, back to {since:%FT%TZ}"

    def link(self, repositories: Mapping[str, str]) -> str:
        """Return the page of the first repository's deployments; GitHub Enterprise has its API below its own host."""
        site = "https://github.com" if "://api.github.com" in self.url else self.url.removesuffix("/api/v3")
        return next((f"{site}/{each}/deployments" for each in repositories), "")


class GitlabChanges(ForgeChanges):
    """Answers questions on changes from GitLab; its address is that of the instance."""

    name = "gitlab"
    reads = tuple(
        Allowed("GET", path)
        for path in (
            "/api/v4/projects",
            "/api/v4/projects/{id}/deployments",
            "/api/v4/projects/{id}/merge_requests",
        )
    )

    def changes(
        self, repository: str, entity: str, since: datetime, until: datetime, remarks: list[str]
    ) -> Iterator[Row]:
        """Yield deployments with their outcome, and merged merge requests."""
        project = f"/api/v4/projects/{self._project(repository)}"
        after = {"updated_after": since.isoformat(), "order_by": "updated_at", "sort": "desc"}
        for page in self.pages(f"{project}/deployments", after, remarks):
            for each in page:
                at = (each.get("deployable") or {}).get("finished_at") or each["created_at"]
                where = (each.get("environment") or {}).get("name", "somewhere")
                said = f"{entity} {each['ref']} deployed to {where} ({each['status']})"
                yield at, entity, "deploy", said, str(each["sha"])[:10], ""
        for page in self.pages(f"{project}/merge_requests", {**after, "state": "merged"}, remarks):
            for each in page:
                said = f"!{each['iid']} {each['title']} ({(each.get('author') or {}).get('username', 'someone')})"
                ref = str(each.get("merge_commit_sha") or each.get("sha") or "")[:10]
                yield each["merged_at"], entity, "merge", said, ref, f"<{each.get('web_url', '')}>"

    def _project(self, repository: str) -> str:
        """Return the number of a project: a path in its place would need an encoded slash, which is never sent.

        Raises:
            Unavailable: there is no such project, or it may not be seen.
        """
        if repository.isdigit():
            return repository
        asked = {"search": repository, "search_namespaces": "true", "simple": "true", "per_page": PAGE}
        found = self.items("/api/v4/projects", asked)
        for each in found:
            if str(each["path_with_namespace"]).lower() == repository.lower():
                return str(int(each["id"]))
        raise Unavailable(
            f"GitLab shows no project {repository}.", next_step="Check its name in gitlab_projects, and the token."
        )

    def query(self, repository: str, since: datetime) -> str:
        """Return the first request, in words."""
        after = f"updated_after={since:%FT%TZ}"
        return f"GET /api/v4/projects/{repository}/deployments?{after}, merge_requests?state=merged&{after}"

    def link(self, repositories: Mapping[str, str]) -> str:
        """Return the page of the first project's environments."""
        return next((f"{self.url}/{each}/-/environments" for each in repositories if not each.isdigit()), "")
