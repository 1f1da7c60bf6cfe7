"""Terraform: what declarations, plans and states say of the cloud, and which file declares what.

Reads `.tf` and `.tfvars`, `.tfstate`, and what `terraform show -json` prints. Where identifiers are known, the things
are the very ones that the cloud's API tells of; the file that declares them is joined to them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ontology import terms
from ontology.errors import NotFound
from ontology.nouns import Fact, Layer
from ontology.terms import Kind
from scanners import bounded
from scanners.bounded import Document
from scanners.cloud import cloud_nouns
from scanners.ledger import Ledger
from scanners.origin import Origin, origin, scope_of
from scanners.protocol import Now, Problem, Reading, Redact, Scan, clock, run
from scanners.secrecy import without_secrets
from scanners.terraform import hcl, joints, resources, state
from scanners.terraform.blocks import Block, merged


@dataclass(frozen=True, slots=True)
class Estate:
    """The blocks of a folder, state over declaration."""

    blocks: tuple[Block, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class TerraformScanner:
    """Reads a folder of Terraform files, or one file."""

    target: Path
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    name: str = "terraform"
    layer: Layer = Layer.DECLARED

    @property
    def scope(self) -> str:
        """The last two parts of the folder's path."""
        return scope_of(self.target)

    def read(self) -> Reading[Estate]:
        """Read declarations, plans and states.

        Raises:
            NotFound: there is no Terraform file here.
        """
        target = bounded.folder(self.target)
        written: list[Document] = []
        stated: list[Block] = []
        problems: list[Problem] = []
        paths = tuple(bounded.files(target, ".tf", ".tfvars", ".tfstate", ".json"))
        ours = 0
        with bounded.Parser() as parser:
            for path in paths:
                found = _parsed(parser, path, target)
                ours += found != ()
                if isinstance(found, Problem):
                    problems.append(found)
                elif path.suffix in (".tf", ".tfvars"):
                    written += found
                else:
                    stated += [each for document in found for each in state.blocks(document.content, document.path)]
        if not ours:
            raise NotFound(f"There is no Terraform file in {target}.", next_step="Name a folder of .tf files.")
        declared, wrong, elsewhere = hcl.blocks(hcl.folders(written))
        problems += wrong
        blocks = merged(declared, stated)
        return Reading(Estate(blocks, origin(target)), self.now(), tuple(problems), not problems, elsewhere)

    def facts(self, reading: Reading[Estate]) -> tuple[Fact, ...]:
        """Say which resources there are, and which file declares them."""
        ledger = Ledger(self.name, self.layer, reading.taken, self.redact)
        estate = reading.raw
        whole = resources.plan(estate.blocks, self.environment, estate.origin.name)
        for each in whole.things:
            cloud_nouns.write(ledger, resources.resource(each, whole))
            path = each.block.evidence.partition(":")[0]
            file = ledger.thing(estate.origin.file(path), Kind.TERRAFORM_FILE, estate.origin.path(path), path)
            ledger.say(file, terms.DECLARES, each.iri, evidence=each.block.evidence)
        for block in filter(joints.is_joint, estate.blocks):
            joints.write_joint(ledger, block, whole)
        return ledger.facts()

    def scan(self) -> Scan:
        """Read, and say what it means."""
        return run(self)


def _parsed(parser: bounded.Parser, path: Path, target: Path) -> tuple[Document, ...] | Problem:
    """Return the documents of a file; none where it is JSON of another sort."""
    if path.suffix == ".json" and path.is_file() and os.access(path, os.R_OK):
        with path.open("rb") as file:  # the head first: a lock file of a megabyte is none of our business
            head = file.read(4_000).decode(errors="replace")
        if not state.is_terraform(head):
            return ()
    return parser.read(path, target, "hcl" if path.suffix in (".tf", ".tfvars") else "json")
