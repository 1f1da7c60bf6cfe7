"""What Terraform says as JSON: a state file, `terraform show -json` of a state, and of a plan.

What the document marks as sensitive, and what a name gives away as a secret, is dropped here.
https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scanners.cloud.cloud_nouns import Place
from scanners.secrecy import is_secret
from scanners.terraform.blocks import Block, base, strings

_ACCOUNT = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:(\d{12}):")


def is_terraform(text: str) -> bool:
    """Say whether a JSON text is one of these documents: their first keys are versions."""
    return '"terraform_version"' in text[:2_000] or '"format_version"' in text[:2_000]


def blocks(content: Any, path: str) -> Iterator[Block]:
    """Yield the resources of a document; nothing for another sort of document."""
    if not isinstance(content, dict):
        return
    folder = posixpath.dirname(path)
    if isinstance(content.get("resources"), list):
        found = list(_of_state(content, folder, path))
    else:
        found = list(_of_show(content, folder, path))
    accounts = {match for each in found for text in strings(dict(each.attributes)) for match in _ACCOUNT.findall(text)}
    account = accounts.pop() if len(accounts) == 1 else ""
    regions = _regions(content)
    for each in found:
        yield _placed(each, account, regions)


def _placed(block: Block, account: str, regions: Mapping[str, str]) -> Block:
    """Return a block with the account that the document speaks of, if it is one, and its provider's region."""
    provider = block.place.provider
    region = block.text("region") or regions.get(provider, "")
    project = block.text("project")
    place = Place("gcp", project, region) if provider == "google" else Place(provider, account, region)
    return Block(block.folder, block.address, block.type, block.attributes, block.refs, place, block.evidence)


def _regions(content: Mapping[str, Any]) -> dict[str, str]:
    """Return provider to the region that the configuration in a plan names."""
    configured = _dict(_dict(content.get("configuration")).get("provider_config"))
    found = {}
    for name, each in configured.items():
        region = _dict(_dict(_dict(each).get("expressions")).get("region")).get("constant_value")
        if isinstance(region, str):
            found[str(name)] = region
    return found


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _of_state(content: Mapping[str, Any], folder: str, path: str) -> Iterator[Block]:
    """Yield the resources of a state file, version 4."""
    for each in map(_dict, _list(content.get("resources"))):
        kind, label = str(each.get("type")), str(each.get("name"))
        if each.get("mode") != "managed":
            continue
        prefix = f"{each['module']}." if each.get("module") else ""
        for instance in map(_dict, _list(each.get("instances"))):
            key = instance.get("index_key")
            shown = "" if key is None else f"[{key}]" if isinstance(key, int) else f'["{key}"]'
            hidden = {
                str(step.get("value"))
                for way in _list(instance.get("sensitive_attributes"))
                for step in map(_dict, _list(way)[:1])
            }
            needs = frozenset(f"{base(str(need))}" for need in _list(instance.get("dependencies")))
            yield Block(
                folder,
                f"{prefix}{kind}.{label}{shown}",
                kind,
                _open(_dict(instance.get("attributes")), dict.fromkeys(hidden, True)),
                {"": needs} if needs else {},
                Place(kind.partition("_")[0]),
                path,
            )


def _open(attributes: Mapping[str, Any], sensitive: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that are no secret."""
    return {
        str(name): value
        for name, value in attributes.items()
        if value is not None and sensitive.get(name) in (None, False, {}, []) and not is_secret(str(name))
    }


def _of_show(content: Mapping[str, Any], folder: str, path: str) -> Iterator[Block]:
    """Yield the resources of `terraform show -json`: what is, and over it what is planned."""
    needs = dict(_needs(_dict(_dict(content.get("configuration")).get("root_module")), ""))
    prior = _dict(_dict(content.get("prior_state")).get("values"))
    before = {each.address: each for each in _modules(_dict(prior.get("root_module")), folder, path, needs)}
    values = _dict(content.get("planned_values")) or _dict(content.get("values"))
    for each in _modules(_dict(values.get("root_module")), folder, path, needs):
        known = before.get(each.address)
        attributes = {**(known.attributes if known else {}), **each.attributes}
        yield Block(folder, each.address, each.type, attributes, each.refs, each.place, path)


def _modules(
    module: Mapping[str, Any], folder: str, path: str, needs: Mapping[str, Mapping[str, frozenset[str]]]
) -> Iterator[Block]:
    """Yield the resources of a module and of those below it."""
    for each in map(_dict, _list(module.get("resources"))):
        if each.get("mode") != "managed":
            continue
        address, kind = str(each.get("address")), str(each.get("type"))
        refs = dict(needs.get(base(address), {}))
        told = frozenset(f"{_prefix(address)}{base(str(need))}" for need in _list(each.get("depends_on")))
        if told:
            refs[""] = told
        attributes = _open(_dict(each.get("values")), _dict(each.get("sensitive_values")))
        yield Block(folder, address, kind, attributes, refs, Place(kind.partition("_")[0]), path)
    for child in map(_dict, _list(module.get("child_modules"))):
        yield from _modules(child, folder, path, needs)


def _prefix(address: str) -> str:
    """Return the modules of an address: `depends_on` names neighbours by their short address."""
    parts = base(address).split(".")
    return "".join(f"module.{parts[at + 1]}." for at in range(0, len(parts) - 2, 2) if parts[at] == "module")


def _needs(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, frozenset[str]]]]:
    """Yield address and what its attributes name, from the configuration that a plan holds."""
    for each in map(_dict, _list(module.get("resources"))):
        found = {
            str(name): frozenset(f"{prefix}{'.'.join(base(str(ref)).split('.')[:2])}" for ref in refs)
            for name, expression in _dict(each.get("expressions")).items()
            if (refs := _list(_dict(expression).get("references")))
        }
        yield f"{prefix}{base(str(each.get('address')))}", found
    for name, call in _dict(module.get("module_calls")).items():
        yield from _needs(_dict(_dict(call).get("module")), f"{prefix}module.{name}.")
