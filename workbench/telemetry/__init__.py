"""Telemetry: answers questions about the past, one adapter a system.

Lives here: recorded cases (`cases`, `layouts`, `recorded`) and how one is made (`recording`); the live adapters, one
file a system or a part of it (docs/sources.md lists them), on what they have in common (`live_source`, over HTTP
`http_source`), joined where there are several (`several`), made from the settings (`live`); the one HTTP transport
they may use, which can only read (`readonly`), at one pace an address (`pace`); the clients that scanners and the
Kubernetes sources are handed (`clients`), which can only read either (`readonly_aws`, `readonly_google`,
`readonly_kubernetes`: a new read of theirs is a line of the list at the top of its file); what every answer goes
through: secrets taken out (`redact`) and the numbers put in words (`digest`).

May import: `ontology`, `workbench.nouns`, `workbench.ports`, `workbench.signals`, `workbench.settings` (`live` alone),
what scanners read a repository with (`changes_git`, `changes_flags`), and one client library a file. Never a
sibling room, never a verb that writes.

To add a source: subclass `LiveSource` or `HttpSource`; `reply` maps a `Question` to a query of that system, `replied`
its rows to the columns that `Question` documents, and what cannot be looked at is raised as a `PersonError`. Add a line
to `workbench/testing/contract.py`, to `live.py` and to the settings.
"""
