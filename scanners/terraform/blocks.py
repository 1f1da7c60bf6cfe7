"""A resource of Terraform, whoever tells it: a declaration, a plan or a state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scanners.cloud.cloud_nouns import Place


@dataclass(frozen=True, slots=True)
class Block:
    """A resource, or one instance of it: `module.net.aws_subnet.private[0]`."""

    folder: str
    """The folder that is planned, below the target; empty for the target itself."""
    address: str
    type: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What is known of it; nothing that its source marks as sensitive."""
    refs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Attribute to the addresses of the resources that it names; `""` for what is needed without saying why."""
    place: Place = field(default_factory=lambda: Place(""))
    """What the provider's configuration says."""
    evidence: str = ""

    @property
    def base(self) -> str:
        """The address without the keys of `count` and `for_each`."""
        return base(self.address)

    @property
    def label(self) -> str:
        """What its author calls it: `private`."""
        return self.base.rpartition(".")[2]

    def text(self, *names: str) -> str:
        """Return the first of these attributes that is text; empty where none is."""
        found = (self.attributes.get(name) for name in names)
        return next((each for each in found if isinstance(each, str) and each), "")

    def texts(self, *names: str) -> tuple[str, ...]:
        """Return every text in these attributes, whether they hold one or a list."""
        values = (self.attributes.get(name) for name in names)
        lists = (each if isinstance(each, list) else [each] for each in values)
        return tuple(dict.fromkeys(text for each in lists for text in each if isinstance(text, str) and text))


def base(address: str) -> str:
    """Return an address without instance keys.

    >>> base('module.net["eu.west"].aws_subnet.private[0]')
    'module.net.aws_subnet.private'
    """
    return re.sub(r"\[(?:\"(?:[^\"\\]|\\.)*\"|[^\]\"]*)\]", "", address)


def merged(declared: Iterable[Block], stated: Iterable[Block]) -> tuple[Block, ...]:
    """Return the blocks of both: state over declaration, the place in the code from the declaration."""
    written = {(each.folder, each.base): each for each in declared}
    instances: dict[tuple[str, str], Block] = {}
    for each in stated:
        known = instances.get((each.folder, each.address))
        instances[each.folder, each.address] = each if known is None else _over(known, each)
    seen = {(folder, base(address)) for folder, address in instances}
    joined = [
        _over(written[key], each) if (key := (each.folder, each.base)) in written else each
        for each in instances.values()
    ]
    return (*joined, *(each for key, each in written.items() if key not in seen))


def _over(below: Block, above: Block) -> Block:
    """Return the upper block, filled up with what only the lower one says."""
    place = below.place if not above.place.account and not above.place.region else above.place
    return replace(
        above,
        attributes={**below.attributes, **above.attributes},
        refs={
            name: below.refs.get(name, frozenset()) | above.refs.get(name, frozenset())
            for name in {**below.refs, **above.refs}
        },
        place=place,
        evidence=below.evidence or above.evidence,
    )


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)
