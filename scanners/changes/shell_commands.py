"""What the commands of a pipeline build and deploy. Pure: shell text and known variables in, `Act`s out.

Understood: docker, podman, buildah and nerdctl builds and pushes, kaniko; kubectl, helm, argocd, terraform, `aws ecs`,
`aws lambda`, `gcloud run`, `docker service`. A value that holds an unknown variable is left out, or less sure.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from scanners.references import LIKELY, SURE, expand

Verb = Literal["build", "deploy", "use"]
LENGTH = 100_000
"""Characters of a script that are read."""
_SEPARATOR = re.compile(r"\n|&&|\|\||(?<![|&])[|;&](?![|&])")
_ASSIGNMENT = re.compile(r"^(?:export\s+|local\s+|readonly\s+)?([A-Za-z_]\w*)=(\S*|\"[^\"]*\"|'[^']*')$")
_UNKNOWN = re.compile(r"[$`{}<>]|%\w+%")
_BUILDERS = frozenset({"docker", "podman", "nerdctl", "buildah", "img"})
_WORKLOADS = {
    "deployment": "deployment", "deployments": "deployment", "deploy": "deployment",
    "statefulset": "statefulset", "statefulsets": "statefulset", "sts": "statefulset",
    "daemonset": "daemonset", "daemonsets": "daemonset", "ds": "daemonset",
    "cronjob": "cronjob", "job": "job",
}  # fmt: skip
_ENVIRONMENT = re.compile(
    r"(?:^|[/\-_.=])(prod(?:uction)?|staging|stage|dev(?:elopment)?|test|qa|uat|canary)(?=$|[/\-_.])"
)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a pipeline does."""

    verb: Verb
    kind: str
    """`image`, `service`, `helm-release`, `application`, `file`, `workspace`, or a workload's kind."""
    name: str
    namespace: str = ""
    environment: str = ""
    confidence: float = 1.0
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A command: its words without options, and the options with their values."""

    plain: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def first(self, *names: str) -> str:
        """Return the first value of an option by any of its names; empty for none."""
        return next((self.options[name][0] for name in names if self.options.get(name)), "")

    def every(self, *names: str) -> tuple[str, ...]:
        """Return all values of an option by any of its names."""
        return tuple(value for name in names for value in self.options.get(name, ()))


_FLAGS = frozenset(
    {
        "--install",
        "-i",
        "--wait",
        "--atomic",
        "--push",
        "--pull",
        "--no-cache",
        "--rm",
        "-d",
        "--detach",
        "-q",
        "--quiet",
    }
    | {"--dry-run", "--auto-approve", "-auto-approve", "--force", "--prune", "--load", "-it", "--force-new-deployment"}
    | {"--allow-unauthenticated", "--sync", "--debug", "--create-namespace"}
)
"""Options without a value."""


def commands(script: str, variables: Mapping[str, str]) -> Iterator[tuple[list[str], dict[str, str]]]:
    r"""Yield the words of each command, and the variables known there; assignments before it count.

    >>> [words for words, _ in commands('TAG=1\ndocker build -t shop:$TAG . && echo done', {})]
    [['docker', 'build', '-t', 'shop:1', '.'], ['echo', 'done']]
    """
    known = dict(variables)
    for line in _SEPARATOR.split(script[:LENGTH].replace("\\\r\n", " ").replace("\\\n", " ")):
        line = line.strip().removeprefix("- ")
        assigned = _ASSIGNMENT.match(line)
        if assigned:
            value = expand(assigned[2].strip("\"'"), known)
            known[assigned[1]] = value
            continue
        try:
            words = shlex.split(expand(line, known), comments=True)
        except ValueError:  # a quote that goes on: a here-document, another language
            continue
        if words:
            yield words, known


def acts(script: str, variables: Mapping[str, str], evidence: str) -> Iterator[Act]:
    """Yield what a script builds and deploys.

    >>> [(act.verb, act.kind, act.name) for act in acts("kubectl set image deploy/cart cart=cart:1", {}, "")]
    [('deploy', 'deployment', 'cart'), ('use', 'image', 'cart:1')]
    """
    for words, _ in commands(script, variables):
        while words and (words[0] in ("sudo", "time", "exec", "env", "then", "do") or "=" in words[0]):
            words = words[1:]
        name = words[0].rpartition("/")[2] if words else ""
        reader = _READERS.get("docker" if name in _BUILDERS else name)
        if reader is not None:
            for act in reader(understood(words[1:])):
                if act.name and not _UNKNOWN.search(act.name):
                    namespace = "" if _UNKNOWN.search(act.namespace) else act.namespace
                    where = "" if _UNKNOWN.search(act.environment) else act.environment
                    yield Act(act.verb, act.kind, act.name, namespace, where, act.confidence, evidence)


def understood(words: list[str]) -> Words:
    """Return a command's words, options told from the rest.

    >>> understood(["-n", "shop", "apply", "--file=x.yaml", "--wait", "y"])
    Words(plain=('apply', 'y'), options={'-n': ('shop',), '--file': ('x.yaml',)})
    """
    plain: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-") or word == "-":
            plain.append(word)
        elif "=" in word:
            name, _, value = word.partition("=")
            options[name] = (*options.get(name, ()), value)
        elif word not in _FLAGS and waiting and not waiting[0].startswith("-"):
            options[word] = (*options.get(word, ()), waiting.pop(0))
    return Words(tuple(plain), options)


def image(written: str, confidence: float = 1.0) -> Act:
    """Return the image that is built, its tag left off where it is not known.

    >>> image("ghcr.io/acme/cart:$SHA").name, image("ghcr.io/acme/cart:$SHA").confidence
    ('ghcr.io/acme/cart', 0.7)
    """
    head, _, tail = written.rpartition("/")
    name, colon, tag = tail.partition(":")
    if colon and _UNKNOWN.search(tag):
        return Act("build", "image", f"{head}/{name}" if head else name, confidence=min(confidence, LIKELY))
    return Act("build", "image", written, confidence=confidence)


def environment_in(text: str) -> str:
    """Return the environment that a path or a name names; empty for none.

    >>> environment_in("overlays/prod"), environment_in("-var-file=staging.tfvars"), environment_in("product")
    ('prod', 'staging', '')
    """
    found = _ENVIRONMENT.search(text)
    return found[1] if found else ""


def _docker(words: Words) -> Iterator[Act]:
    plain = [word for word in words.plain if word not in ("buildx", "image", "builder")]
    verb = plain[0] if plain else ""
    if verb in ("build", "bud", "build-using-dockerfile"):
        yield from (image(tag) for tag in words.every("-t", "--tag"))
    elif verb == "push" and len(plain) > 1:
        yield image(plain[1])
    elif verb == "tag" and len(plain) > 2:
        yield image(plain[2])
    elif plain[:2] == ["service", "update"] and len(plain) > 2:
        yield Act("deploy", "service", plain[-1], confidence=LIKELY)


def _kaniko(words: Words) -> Iterator[Act]:
    yield from (image(name) for name in words.every("--destination", "-d"))


def _kubectl(words: Words) -> Iterator[Act]:
    namespace = words.first("-n", "--namespace")
    where = environment_in(words.first("--context"))
    verb = words.plain[0] if words.plain else ""
    sub = words.plain[1] if len(words.plain) > 1 else ""
    if (verb == "set" and sub == "image") or (verb == "rollout" and sub in ("restart", "status", "undo")):
        yield from _workloads(words.plain[2:], namespace, where)
        if verb == "set":
            for word in words.plain[2:]:
                name, _, used = word.partition("=")
                if used and "/" not in name:
                    found = image(used)
                    yield Act("use", "image", found.name, confidence=found.confidence)
    elif verb in ("scale", "patch"):
        yield from _workloads(words.plain[1:], namespace, where)
    elif verb in ("apply", "create", "replace"):
        for path in words.every("-f", "--filename", "-k", "--kustomize"):
            yield Act("deploy", "file", path, namespace, where or environment_in(path), SURE)


def _workloads(plain: tuple[str, ...], namespace: str, environment: str) -> Iterator[Act]:
    """Yield the workloads of `deployment/cart` or `deployment cart`; surer where the namespace is said."""
    sure = SURE if namespace and not _UNKNOWN.search(namespace) else LIKELY
    for index, word in enumerate(plain):
        kind, slash, name = word.partition("/")
        following = plain[index + 1] if index + 1 < len(plain) else ""
        if kind.lower() in _WORKLOADS and (slash or (following and "=" not in following)):
            yield Act("deploy", _WORKLOADS[kind.lower()], name if slash else following, namespace, environment, sure)


def _helm(words: Words) -> Iterator[Act]:
    if words.plain[:1] in (("upgrade",), ("install",)) and len(words.plain) > 1:
        namespace = words.first("-n", "--namespace")
        where = environment_in(words.first("--kube-context")) or next(
            (found for path in words.every("-f", "--values") if (found := environment_in(path))), ""
        )
        sure = SURE if namespace and not _UNKNOWN.search(namespace) else LIKELY
        yield Act("deploy", "helm-release", words.plain[1], namespace, where, sure)


def _argocd(words: Words) -> Iterator[Act]:
    if words.plain[:2] in (("app", "sync"), ("app", "set"), ("app", "create")) and len(words.plain) > 2:
        yield Act("deploy", "application", words.plain[2], "", environment_in(words.plain[2]), SURE)


def _terraform(words: Words) -> Iterator[Act]:
    if words.plain[:2] == ("workspace", "select") and len(words.plain) > 2:
        yield Act("deploy", "workspace", words.plain[2], environment=environment_in(words.plain[2]), confidence=LIKELY)
    elif words.plain[:1] == ("apply",):
        paths = words.every("-var-file", "--var-file")
        where = next((found for path in paths if (found := environment_in(path))), "")
        folder = words.first("-chdir", "--working-dir") or "."
        yield Act("deploy", "file", folder, "", where or environment_in(folder), SURE)


def _aws(words: Words) -> Iterator[Act]:
    if words.plain[:2] in (("ecs", "update-service"), ("ecs", "create-service")):
        where = environment_in(words.first("--cluster"))
        yield Act("deploy", "service", words.first("--service", "--service-name"), environment=where, confidence=LIKELY)
    elif words.plain[:2] in (("lambda", "update-function-code"), ("lambda", "update-function-configuration")):
        yield Act("deploy", "service", words.first("--function-name"), confidence=LIKELY)


def _gcloud(words: Words) -> Iterator[Act]:
    plain = tuple(word for word in words.plain if word not in ("beta", "alpha"))
    if plain[:2] == ("run", "deploy") and len(plain) > 2:
        where = environment_in(words.first("--project"))
        yield Act("deploy", "service", plain[2], environment=where, confidence=LIKELY)
        if used := words.first("--image"):
            yield Act("use", "image", image(used).name, confidence=image(used).confidence)
    elif plain[:2] == ("builds", "submit"):
        yield from (image(tag) for tag in words.every("--tag", "-t"))


_READERS: Mapping[str, Callable[[Words], Iterator[Act]]] = {
    "docker": _docker,
    "executor": _kaniko,
    "kubectl": _kubectl,
    "oc": _kubectl,
    "helm": _helm,
    "argocd": _argocd,
    "terraform": _terraform,
    "tofu": _terraform,
    "aws": _aws,
    "gcloud": _gcloud,
}
