"""Doubles for tests and examples: small honest worlds, no patching.

Lives here: sources, a graph, a memory, a clock and a reasoner that stand in for the real ones (`doubles`), a server
that speaks the Messages API over a real socket (`messages`), a tiny shop with one slow service (`shop`), servers that
answer as vendors of telemetry document (`vendors`, `vendors_*`), a Slack, a mail server and a webhook that keep what
they are told (`receivers`), the real Alertmanager (`alertmanager`), a page to look at a Slack message
(`slack_preview`), and every source with what it is tested against (`contract`).

May import: ontology, memory.protocol, workbench.nouns, workbench.ports; the standard library and pandas; the files of
`vendors_*` and `contract` also workbench.telemetry.

To add a double: keep to the port it stands in for, hold its answers in its constructor, raise nothing on its own.
"""

from workbench.testing.doubles import (
    FailingSource,
    FixedClock,
    ListMemory,
    ScriptedReasoner,
    SilentSource,
    StaticGraph,
    TableSource,
)
from workbench.testing.messages import MessagesServer, Reply, called, failed, said
from workbench.testing.shop import shop_case, shop_environment

__all__ = [
    "FailingSource",
    "FixedClock",
    "ListMemory",
    "MessagesServer",
    "Reply",
    "ScriptedReasoner",
    "SilentSource",
    "StaticGraph",
    "TableSource",
    "called",
    "failed",
    "said",
    "shop_case",
    "shop_environment",
]
