"""What the user of a Kubernetes context may do, asked of the API server itself; and who may not be used for that.

    rights = asked(readonly_kubernetes.client("prod", reviews=True))
    rights.writes    # ("create deployments.apps", "get pods/exec"), empty where it can only read

`SelfSubjectRulesReview` lists the rules of a namespace, those of the whole cluster among them. Where an authorizer does
not tell them all (a webhook), `SelfSubjectAccessReview` asks for the writes that matter, one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ontology.errors import NotAllowed, Unavailable

READING = frozenset({"get", "list", "watch"})
HARMLESS = frozenset({"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"})
"""What every user may create: nothing of it is stored."""
ENTERING = frozenset({"exec", "attach", "portforward", "proxy"})
"""Subresources by which a read runs a command or reaches a process: `get nodes/proxy` is enough for an exec."""
ASKED = (
    *(("", each) for each in ("pods", "pods/exec", "pods/attach", "pods/portforward", "services", "configmaps")),
    *(("", each) for each in ("secrets", "nodes", "nodes/proxy", "serviceaccounts/token", "namespaces")),
    *(("apps", each) for each in ("deployments", "deployments/scale", "statefulsets", "daemonsets")),
    *(("batch", each) for each in ("jobs", "cronjobs")),
    *(("rbac.authorization.k8s.io", each) for each in ("clusterroles", "clusterrolebindings", "rolebindings")),
)
"""Group and resource that are asked for one by one where the rules are not whole."""
VERBS = ("create", "update", "patch", "delete")
NAMESPACES = 30
"""Namespaces whose rules are asked for: what a RoleBinding gives stands in its own namespace alone."""
_CALLS = {
    "SelfSubjectRulesReview": "create_self_subject_rules_review",
    "SelfSubjectAccessReview": "create_self_subject_access_review",
}
ROLE = "docs/kubernetes-clusterrole.yaml"


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user may do beside reading."""

    writes: tuple[str, ...] = ()
    """Each as a verb and a resource, with the namespace where it is of one alone."""
    looked: int = 0
    """Namespaces that were looked at."""
    left: int = 0
    """Namespaces that were not."""

    @property
    def words(self) -> str:
        """The first few writes, in words."""
        more = f" and {len(self.writes) - 4} more" if len(self.writes) > 4 else ""
        return ", ".join(self.writes[:4]) + more


def asked(client: Any) -> Rights:
    """Return what the user of a client may do.

    Args:
        client: an API client that may ask for reviews.

    Raises:
        Unavailable: nobody answers, or the server does not tell.
    """
    names, left = _namespaces(client)
    found: dict[str, set[str]] = {}
    partly = False
    for name in names:
        rules, whole = _rules(client, name)
        partly |= not whole
        for each in writes(rules):
            found.setdefault(each, set()).add(name)
    if partly:
        for each in _one_by_one(client):
            found.setdefault(each, set(names))
    said = (each if len(where) == len(names) else f"{each} in {min(where)}" for each, where in sorted(found.items()))
    return Rights(tuple(said), len(names), left)


def writes(rules: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the rules of a review give beside reading.

    Args:
        rules: the status of a SelfSubjectRulesReview.

    >>> list(writes({"resourceRules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "pods/exec"]}]}))
    ['get pods/exec']
    """
    for rule in rules.get("resourceRules") or ():
        for group in rule.get("apiGroups") or ("",):
            for resource in rule.get("resources") or ():
                for verb in rule.get("verbs") or ():
                    if _writes(str(verb).lower(), str(resource).lower()):
                        yield f"{verb} {resource}{f'.{group}' if group else ''}"
    for rule in rules.get("nonResourceRules") or ():
        for verb in rule.get("verbs") or ():
            if str(verb).lower() not in ("get", "head", "options"):
                yield f"{verb} {', '.join(map(str, rule.get('nonResourceURLs') or ()))}"


def _writes(verb: str, resource: str) -> bool:
    """Say whether a verb on a resource is more than reading; to read secrets, or to enter a process, is more."""
    thing, _, part = resource.partition("/")
    if verb not in READING:
        return not (verb == "create" and thing in HARMLESS)
    return part in ENTERING or part == "*" or thing in ("*", "secrets") or (thing.startswith("*") and part == "")


def _namespaces(client: Any) -> tuple[list[str], int]:
    """Return the namespaces to look at, `default` first, and how many more there are."""
    from kubernetes.client import CoreV1Api
    from kubernetes.client.exceptions import ApiException

    try:
        answer: Any = CoreV1Api(client).list_namespace(limit=500, _preload_content=False)
        items = json.loads(answer.data).get("items") or ()
        names = sorted({str(each["metadata"]["name"]) for each in items} - {"default"})
    except (ApiException, ValueError, KeyError, TypeError, AttributeError):  # may not list them: `default` tells much
        names = []
    return ["default", *names[: NAMESPACES - 1]], max(0, len(names) - NAMESPACES + 1)


def _rules(client: Any, namespace: str) -> tuple[Mapping[str, Any], bool]:
    """Return the rules of a namespace, and whether they are all there are.

    Raises:
        Unavailable: the server does not tell.
    """
    status = _review(client, "SelfSubjectRulesReview", {"namespace": namespace})
    return status, not status.get("incomplete") and not status.get("evaluationError")


def _one_by_one(client: Any) -> Iterator[str]:
    """Yield those of the writes that matter which the server allows.

    Raises:
        Unavailable: the server does not tell.
    """
    entering = [
        (group, each, "get") for group, each in ASKED if each.partition("/")[2] in ENTERING or each == "secrets"
    ]
    changing = [(group, each, verb) for group, each in ASKED for verb in VERBS]
    for group, resource, verb in (*entering, *changing):
        thing, _, part = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": thing, **({"subresource": part} if part else {})}
        if _review(client, "SelfSubjectAccessReview", {"resourceAttributes": attributes}).get("allowed"):
            yield f"{verb} {resource}{f'.{group}' if group else ''}"


def _review(client: Any, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the status of a review.

    Raises:
        Unavailable: the server does not tell.
    """
    from kubernetes.client import AuthorizationV1Api
    from kubernetes.client.exceptions import ApiException

    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": dict(spec)}
    unknown = "It cannot be told what this context may do"
    try:
        answer = getattr(AuthorizationV1Api(client), _CALLS[kind])(body, _preload_content=False)
        data = json.loads(answer.data)
    except ApiException as error:
        raise Unavailable(f"{unknown}: {error.status} {error.reason}.", next_step=_BY_HAND) from error
    except ValueError as error:
        raise Unavailable(f"{unknown}: the answer is no JSON.", next_step=_BY_HAND) from error
    status = data.get("status") if isinstance(data, dict) else None
    if not 200 <= answer.status < 300 or not isinstance(status, dict):
        raise Unavailable(f"{unknown}: the server answers {answer.status}.", next_step=_BY_HAND)
    return status


_BY_HAND = "Ask yourself: kubectl auth can-i --list."


@dataclass
class Guarded:
    """Connects to a cluster, unless the user of its context may write there."""

    connect: Callable[[], Any]
    rights: Callable[[], Rights]
    context: str
    may_write: bool = False
    """Said so in the settings."""
    _known: Rights | None = field(default=None, init=False)

    def __call__(self) -> Any:
        """Return a client.

        Raises:
            NotAllowed: the user may write, and nobody said that this is meant.
            Unavailable: nobody answers.
        """
        client = self.connect()
        if not self.may_write:
            self._known = self._known or self._asked()
            checked(self._known, self.context, may_write=False)
        return client

    def _asked(self) -> Rights:
        try:
            return self.rights()
        except Unavailable:  # not told: what is sent is read-only all the same, and doctor names it
            return Rights()


def checked(rights: Rights, context: str, *, may_write: bool) -> Rights:
    """Return the rights as they are, where they are those to read, or more is meant.

    Raises:
        NotAllowed: the user may do more, and nobody said that this is meant.
    """
    if rights.writes and not may_write:
        raise NotAllowed(
            f"The user of the context {context!r} may do more than read: {rights.words}.",
            next_step=f"Use a context with the role of {ROLE}, or set kubernetes_may_write = true: "
            "what is sent is read-only either way.",
        )
    return rights
