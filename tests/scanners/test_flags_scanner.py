"""flagd: flags in files, in objects of the operator and in config maps; who mounts them; files made to harm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import iris, terms
from ontology.errors import NotFound
from ontology.nouns import Fact
from scanners.flags import FlagsScanner
from scanners.kubernetes.manifests import KubernetesScanner
from scanners.source.scanner import SourceScanner

Saying = Callable[[Iterable[Fact]], set[tuple[str, str, Any]]]
Writing = Callable[[Mapping[str, str]], Path]
FLAG = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
    "targeting": {"if": [{"==": [{"var": "service"}, "cart"]}, "on", "off"]},
}
FILE = json.dumps({"flags": {"slow": FLAG, "gone": {"state": "DISABLED", "variants": {"a": 1}}}}, indent="\t")


def test_a_flag_says_state_default_and_variants(estate: Writing, said: Saying) -> None:
    """State, default variant and the names of the variants are kept; tabs in JSON are no trouble."""
    facts = said(FlagsScanner(estate({"flags.json": FILE})).scan().facts)

    assert {("slow", "status", "enabled"), ("gone", "status", "disabled"), ("slow", "defaultValue", "off")} <= facts
    assert {each[2] for each in facts if each[:2] == ("slow", "labelKV")} == {"variant=on", "variant=off"}


def test_a_flag_is_the_one_that_code_reads(estate: Writing) -> None:
    """The definition and the code that asks for the flag speak of one node."""
    code = "from openfeature import api\n\ndef buy():\n    return api.get_client().get_boolean_value('slow', False)\n"
    folder = estate({"flags.json": FILE, "app.py": code})

    read = {fact.object for fact in SourceScanner(folder).scan().facts if fact.predicate == terms.READS_FLAG}

    assert read == {iris.thing("flag", "default", "slow")}
    assert read < {fact.subject for fact in FlagsScanner(folder).scan().facts}


def test_targeting_that_names_a_service_is_a_mention(estate: Writing) -> None:
    """A rule that compares the service is a mention at 0.5, evidence and all."""
    facts = FlagsScanner(estate({"flags.json": FILE})).scan().facts

    found = [(fact.object, fact.confidence) for fact in facts if fact.predicate == terms.MENTIONS]
    assert found == [(iris.service("cart"), 0.5)]


def test_who_mounts_the_file(estate: Writing) -> None:
    """A Compose service that mounts the folder mounts the file, a variable in the path filled in; no other does."""
    compose = (
        "name: shop\nservices:\n  flagd:\n    image: flagd\n    volumes: ['./${DIR}/flags:/etc/flagd']\n"
        "  web: {image: web, volumes: ['./conf/other:/x', 'data:/data']}\n"
    )
    folder = estate({"compose.yaml": compose, ".env": "DIR=conf\n", "conf/flags/a.json": FILE})

    facts = FlagsScanner(folder).scan().facts

    mounted = {(fact.subject, fact.object) for fact in facts if fact.predicate == terms.MOUNTS}
    assert mounted == {(iris.thing("workload", "default", "shop", "compose", "flagd"),
                        iris.thing("file", "estate", "conf/flags/a.json"))}  # fmt: skip


def test_flags_of_the_operator_and_in_config_maps(estate: Writing) -> None:
    """A FeatureFlag object and the JSON in a config map define flags; the config map is the Kubernetes scanner's."""
    crd = {"apiVersion": "core.openfeature.dev/v1beta1", "kind": "FeatureFlag", "metadata": {"name": "x"},
           "spec": {"flagSpec": {"flags": {"crd": FLAG}}}}  # fmt: skip
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags", "namespace": "shop"},
            "data": {"a.json": FILE}}  # fmt: skip
    folder = estate({"crd.yaml": json.dumps(crd), "map.yaml": json.dumps(held)})

    facts = FlagsScanner(folder).scan().facts

    keys = {fact.object for fact in facts if fact.predicate == terms.OTEL_FEATURE_FLAG_KEY}
    assert keys == {"crd", "slow", "gone"}
    holders = {fact.subject for fact in facts if fact.predicate == terms.DECLARES}
    assert holders & {fact.subject for fact in KubernetesScanner(folder).scan().facts}


def test_a_manifest_defines_nothing(estate: Writing) -> None:
    """The manifest of the OpenFeature CLI says that code reads a flag, at 0.7, and sets no state."""
    manifest = {"flags": {"slow": {"flagType": "boolean", "defaultValue": False}}}

    facts = FlagsScanner(estate({"src/cart/flags.json": json.dumps(manifest)})).scan().facts

    assert [fact.confidence for fact in facts if fact.predicate == terms.READS_FLAG] == [0.7]
    assert not [fact for fact in facts if fact.predicate in (terms.DECLARES, terms.STATUS)]


HOSTILE = {
    "bomb.yaml": "variants: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"k{n}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8))
    + "flags: *i\n",
    "deep.json": '{"flags": {"variants": ' + "[" * 100_000 + "]" * 100_000 + "}}",
    "broken.json": '{"flags": {"slow": {"variants"',
    "list.json": '["flags", "variants"]',
}


@pytest.mark.parametrize("name", [each for each in HOSTILE if each != "list.json"])
def test_a_hostile_file_is_set_aside(estate: Writing, name: str) -> None:
    """Each is named with a reason, the good file beside it is read, and the scan says that it is not whole."""
    scan = FlagsScanner(estate({name: HOSTILE[name], "good.json": FILE})).scan()

    assert [each.where for each in scan.problems] == [name]
    assert scan.problems[0].reason
    assert not scan.complete
    assert iris.thing("flag", "default", "slow") in {fact.subject for fact in scan.facts}


def test_binary_and_other_shapes(estate: Writing) -> None:
    """Bytes that are no text are a problem; JSON of another shape, and a folder without flags, are no flags."""
    folder = estate({"good.json": FILE, "list.json": HOSTILE["list.json"]})
    (folder / "binary.json").write_bytes(b"\xff\xfe\x00flags variants")

    scan = FlagsScanner(folder).scan()

    assert [each.where for each in scan.problems] == ["binary.json"]
    (folder / "good.json").unlink()
    (folder / "binary.json").unlink()
    with pytest.raises(NotFound, match="Next:"):
        FlagsScanner(folder).scan()
