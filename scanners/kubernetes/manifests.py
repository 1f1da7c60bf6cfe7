"""Kubernetes manifests, Helm renders and kustomizations: what a folder of YAML declares, and who is told about whom.

A folder is read to its bottom. Templates that are not rendered are left out, and said to be. Kustomizations are
rendered (`scanners.kustomize.render`); a file that one names is not deployed by itself, and one that lies beside a
kustomization and is not named by it is left out. All else is a manifest as it stands.

Overlays that render the same workload from the same file (`overlays/dev`, `overlays/prod`) cannot be one estate: each
is an environment of its own, called by the part of its path in which they differ (`dev`, `prod`). The scope binding
says otherwise: `kubernetes:overlays/prod`, `kubernetes:prod`, `kubernetes:<folder>/<namespace>` for one namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from ontology.errors import NotFound
from ontology.nouns import Fact, Layer
from scanners import bounded
from scanners.binding import UNBOUND, Binding
from scanners.kubernetes.estate import Estate
from scanners.kubernetes.facts import write_estate
from scanners.kubernetes.objects import Object, objects
from scanners.kubernetes.workloads import declared, workloads
from scanners.kustomize.render import NAMES, Rendered, Renderer
from scanners.ledger import Ledger
from scanners.origin import scope_of
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.secrecy import without_secrets


@dataclass(frozen=True, slots=True)
class Deployed:
    """Objects that are applied together."""

    objects: tuple[Object, ...]
    folder: str = ""
    """Folder of the kustomization they come from; empty for manifests as they stand."""
    variant: str = ""
    """What the folder is called where it is one of several overlays of the same workloads."""


@dataclass(frozen=True, slots=True)
class KubernetesScanner:
    """Reads a folder of manifests, or one file."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    binding: Binding = field(default=UNBOUND, kw_only=True)
    name: str = "kubernetes"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The last two parts of the folder's path."""
        return scope_of(self.target)

    def read(self) -> Reading[tuple[Deployed, ...]]:
        """Read the manifests, and render the kustomizations.

        Raises:
            NotFound: there is no YAML or JSON file here.
        """
        target = bounded.folder(self.target)
        paths = tuple(bounded.files(target, ".yaml", ".yml", ".json", "Kustomization"))
        if not paths:
            raise NotFound(f"There is no manifest in {target}.", next_step="Name a folder of YAML files.")
        problems: list[Problem] = []
        skipped: list[Problem] = []
        with bounded.Parser() as parser:
            documents = _documents(parser, target, paths, problems, skipped)
            renderer = Renderer(target if target.is_dir() else target.parent, parser, documents, problems, skipped)
            rendered = renderer.roots()
        plain = objects(_standing(documents, renderer.used, skipped))
        raw = (*_variants(rendered), Deployed(plain))
        return Reading(raw, self.now(), tuple(problems), not problems, tuple(skipped))

    def facts(self, reading: Reading[tuple[Deployed, ...]]) -> tuple[Fact, ...]:
        """Say what the manifests declare."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        found: dict[str, dict[tuple[str, str, str], Object]] = {}
        for deployed in reading.raw:
            for each in deployed.objects:
                found.setdefault(self._environment(deployed, each.namespace), {}).setdefault(each.key, each)
        for environment, every in found.items():
            write_estate(ledger, Estate(declared(tuple(every.values())), environment))
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)

    def _environment(self, deployed: Deployed, namespace: str) -> str:
        """Return the environment of a namespace: bound by its name, by the overlay's, or the scanner's own."""
        overlay = (deployed.folder, PurePosixPath(deployed.folder).name, deployed.variant) if deployed.folder else ()
        names = (f"{self.target.name}/{namespace}", *(name for name in overlay if name))
        return self.binding.environment(self.name, *names, other=deployed.variant or self.environment)


def _documents(
    parser: bounded.Parser,
    target: Path,
    paths: Iterable[Path],
    problems: list[Problem],
    skipped: list[Problem],
) -> dict[str, tuple[bounded.Document, ...] | Problem]:
    """Return what the files hold that may be manifests or kustomizations, by path."""
    documents: dict[str, tuple[bounded.Document, ...] | Problem] = {}
    for path in paths:
        name = bounded.shown(path, target)
        content = bounded.text_of(path, name)
        if isinstance(content, Problem):
            problems.append(content)
            documents[name] = content
        elif "apiVersion" in content or path.name in NAMES:
            documents[name] = found = parser.parse(content, name)
            if isinstance(found, Problem):
                template = "{{" in content
                reason = "a template: render it first (helm template)" if template else found.reason
                (skipped if template else problems).append(replace(found, reason=reason))
    return documents


def _standing(
    documents: dict[str, tuple[bounded.Document, ...] | Problem], used: set[str], skipped: list[Problem]
) -> list[bounded.Document]:
    """Return the documents that no kustomization has to do with."""
    beside = {str(PurePosixPath(path).parent) for path in documents if PurePosixPath(path).name in NAMES}
    found: list[bounded.Document] = []
    for path, held in documents.items():
        if path in used or isinstance(held, Problem):
            continue
        if str(PurePosixPath(path).parent) in beside:
            skipped.append(Problem(path, "the kustomization beside it does not name it"))
        else:
            found += held
    return found


def _variants(rendered: Sequence[Rendered]) -> tuple[Deployed, ...]:
    """Return what was rendered, overlays of the same workloads told apart."""
    sources = [{each.object.document.path for each in workloads(root.objects)} for root in rendered]
    groups: list[set[int]] = []
    for index, files in enumerate(sources):
        alike = [group for group in groups if any(files & sources[other] for other in group)]
        groups = [group for group in groups if group not in alike] + [{index}.union(*alike)]
    return tuple(
        Deployed(rendered[index].objects, rendered[index].folder, variant)
        for group in groups
        for index, variant in zip(
            sorted(group), _told_apart([rendered[at].folder for at in sorted(group)]), strict=True
        )
    )


def _told_apart(folders: Sequence[str]) -> list[str]:
    """Return the part of each path in which it differs from the others; nothing for one alone.

    >>> _told_apart(["cart/overlays/dev", "cart/overlays/prod"]), _told_apart(["dev/eu", "prod/eu"]), _told_apart(["x"])
    (['dev', 'prod'], ['dev', 'prod'], [''])
    """
    if len(folders) == 1:
        return [""]
    parts = [PurePosixPath(folder).parts for folder in folders]
    while all(parts) and all(part[0] == parts[0][0] for part in parts):
        parts = [part[1:] for part in parts]
    while all(parts) and all(part[-1] == parts[0][-1] for part in parts):
        parts = [part[:-1] for part in parts]
    return ["-".join(part) or PurePosixPath(folder).name for part, folder in zip(parts, folders, strict=True)]
