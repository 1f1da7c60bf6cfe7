"""Releases as an engineer makes them: the compose file, the manifests, the code, a flag; each is a commit.

releases = Releases(folder / "shop")
releases.release("payment", "1.8.3", {"POOL_SIZE": "1"})        # -> sha; nothing is started here
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ontology.errors import BadInput, NotFound
from workbench.bench.estate.compose import Compose
from workbench.bench.estate.history import History

FLAGS = "flags.json"


class Releases:
    """What is changed in the running copy's repository."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self.compose = Compose(repository / "compose.yaml")
        self.history = History(repository)

    def release(
        self,
        name: str,
        version: str,
        environment: Mapping[str, str],
        *,
        patch: Path | None = None,
        reverse: bool = False,
        author: str = "",
        message: str = "",
    ) -> str:
        """Write and commit a release of a service; return the sha.

        Raises:
            NotFound: there is no such service.
            BadInput: the patch does not fit.
        """
        files = self._patched(patch, reverse=reverse) if patch is not None else []
        changed = self.compose.release(name, version, environment)
        words = ", ".join(f"{key} {old or '(not set)'} -> {new}" for key, (old, new) in changed.items())
        files += [self.compose.path, *self._manifests(name, version)]
        return self.history.commit(files, message or f"{name} {version}: {words}", author, tag=f"{name}/v{version}")

    def _patched(self, patch: Path, *, reverse: bool) -> list[Path]:
        from dulwich.patch import PatchApplicationFailure

        try:
            return self.history.apply(patch, reverse=reverse)
        except PatchApplicationFailure as error:
            raise BadInput(f"{patch.name} does not fit the shop: {error}.", next_step="Make it anew.") from error

    def _manifests(self, name: str, version: str) -> list[Path]:
        """Write the version into the manifests that name the image; return those."""
        image, changed = self.compose.services[name].image.rpartition(":")[0], []
        for path in sorted((self.repository / "k8s").rglob("*.y*ml")):
            text = path.read_text()
            fresh = re.sub(rf"(?m)({re.escape(image)}):[^\s\"']+", rf"\g<1>:{version}", text)
            if fresh != text:
                path.write_text(fresh)
                changed.append(path)
        return changed

    def flag(self, name: str, value: str | bool, *, author: str = "") -> tuple[str, str]:
        """Set a feature flag to one of its variants, and commit that; return the variant and the sha.

        The file takes the place of the old one at once, so that a service never reads half of it.

        Raises:
            NotFound: there is no such flag, or no such variant.
        """
        path = self.repository / FLAGS
        text, wanted = path.read_text(), value if isinstance(value, str) else ("off", "on")[value]
        flags = json.loads(text)["flags"]
        if name not in flags or wanted not in flags[name]["variants"]:
            known = ", ".join(f"{each} ({', '.join(held['variants'])})" for each, held in flags.items())
            raise NotFound(f"There is no flag {name!r} with {wanted!r}.", next_step=f"Flags: {known}.")
        pattern = rf'("{re.escape(name)}"\s*:\s*{{.*?"defaultVariant"\s*:\s*)"[^"]*"'
        fresh = path.with_suffix(".new")
        fresh.write_text(re.sub(pattern, rf'\g<1>"{wanted}"', text, count=1, flags=re.DOTALL))
        fresh.replace(path)
        old = flags[name]["defaultVariant"]
        return wanted, self.history.commit([path], f"Flag {name}: {old} -> {wanted}", author)
