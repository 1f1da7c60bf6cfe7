"""Configuration: a release or a flag that gives a setting a wrong value."""

from __future__ import annotations

from workbench.bench.estate.faults.acts import flag, release
from workbench.bench.estate.faults.nouns import Fault, Label, felt

CONFIGURATION = (
    Fault(
        "host-checkout",
        "configuration",
        Label("checkout", "bad-configuration", "a release names a host that is not there"),
        release("checkout", "checkout: use the new pricing address", PRICING_URL="http://pricing-v2:8080"),
        felt("checkout"),
    ),
    Fault(
        "host-catalog",
        "configuration",
        Label("catalog", "bad-configuration", "a release sends its calls for stock to the wrong service"),
        release("catalog", "catalog: one base address for stock", INVENTORY_URL="http://pricing:8080"),
        felt("catalog"),
    ),
    Fault(
        "secret-checkout",
        "configuration",
        Label("checkout", "bad-configuration", "a release rotates the secret of tokens on one side only"),
        release("checkout", "checkout: rotate the token secret", TOKEN_SECRET="rotated-fake"),  # noqa: S106  # an obvious fake
        felt("checkout"),
    ),
    Fault(
        "timeout-gateway",
        "configuration",
        Label("gateway", "bad-configuration", "it waits for checkout for less time than checkout takes"),
        release("gateway", "gateway: stricter time-outs", CHECKOUT_TIMEOUT_MS="60"),
        felt("gateway"),
    ),
    Fault(
        "heap-payment",
        "configuration",
        Label("payment", "bad-configuration", "a release gives it a heap that is too small"),
        release("payment", "payment: smaller heap", JAVA_TOOL_OPTIONS="-Xmx10m"),
        felt("payment"),
    ),
    Fault(
        "flag-reviews",
        "configuration",
        Label("catalog", "bad-configuration", "the flag full-reviews turns on an expensive query"),
        flag("full-reviews", "on", "off"),
        felt("catalog"),
    ),
    Fault(
        "flag-addresses",
        "configuration",
        Label("checkout", "bad-configuration", "the flag strict-addresses fails for a third of the users"),
        flag("strict-addresses", "on", "off"),
        felt("checkout"),
    ),
    Fault(
        "flag-prices",
        "configuration",
        Label("pricing", "bad-configuration", "the flag fresh-prices asks for rates at every price"),
        flag("fresh-prices", "on", "off"),
        felt("pricing"),
    ),
)
