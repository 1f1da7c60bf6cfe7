"""Code: a release whose commit has the fault, deployed from a patch against the running copy."""

from __future__ import annotations

import re

from workbench.bench.estate.faults.acts import release
from workbench.bench.estate.faults.nouns import PATCHES, Fault, Impact, Label, felt

RELEASE = ("bad-release",)
"""Each of these is a bad release as well."""


def line_of(patch: str, text: str) -> str:
    """Return file and line of an added line, as they are once the patch was applied.

    >>> line_of("charge-regions", "toUpperCase")
    'payment/Charges.java:32'
    """
    file, number = "", 0
    for line in (PATCHES / f"{patch}.patch").read_text().splitlines():
        if line.startswith("+++ b/"):
            file = line.removeprefix("+++ b/")
        elif hunk := re.match(r"@@ -\d+(?:,\d+)? \+(\d+)", line):
            number = int(hunk[1])
        elif line.startswith("+") and text in line:
            return f"{file}:{number}"
        elif not line.startswith("-"):
            number += 1
    raise LookupError(f"{patch} adds no {text!r}")


def _fault(name: str, service: str, mode: str, mechanism: str, patch: str, at: str, says: str, *more: Impact) -> Fault:
    label = Label(service, mode, mechanism, line_of(patch, at), RELEASE)
    return Fault(name, "code", label, release(service, f"{service}: {says}", patch=patch), (*felt(service), *more))


CODE = (
    _fault(
        *("exception-payment", "payment", "code-error", "a release fails on orders whose number begins with a letter"),
        *("charge-regions", "toUpperCase", "note the region of a charge"),
    ),
    _fault(
        *("exception-catalog", "catalog", "code-error", "a release fails on products with one figure in their name"),
        *("numbered-products", "int(product[2:])", "give every product its number"),
    ),
    _fault(
        *("slow-recommendations", "recommendations", "code-latency", "a release asks for every product one by one"),
        *("full-suggestions", "for each in found", "suggest the best rated"),
    ),
    _fault(
        *("slow-pricing", "pricing", "code-latency", "a release builds a table of all prices for each price"),
        *("rounding-table", "table.put(", "prices end in five or nine"),
    ),
    _fault(
        *("slow-catalog", "catalog", "code-latency", "a release compares every review with every other"),
        *("weighed-stars", "each == other", "long reviews weigh more"),
    ),
    _fault(
        *("leak-cart", "cart", "resource-leak", "a release keeps every basket that was ever shown, and searches them"),
        *("basket-audit", "audit.push", "note what buyers were shown"),
    ),
    _fault(
        *("leak-gateway", "gateway", "resource-leak", "a release opens a file at every request and never closes it"),
        *("access-log", "fs.openSync", "an access log for support"),
        Impact("gateway", "descriptors", 3.0),
    ),
)
