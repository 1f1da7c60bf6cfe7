"""Telemetry: answers questions about the past, one adapter a system.

Lives here: recorded cases (`cases`, `layouts`, `recorded`) and how one is made (`recording`), the live adapter
(`prometheus`) and the one HTTP transport it may use, which can only read (`readonly`); the clients that scanners are
handed (`clients`), which can only read either (`readonly_aws`, `readonly_google`, `readonly_kubernetes`: a new read
of theirs is a line of the list at the top of its file); what every answer goes through: secrets taken out (`redact`)
and the numbers put in words (`digest`).

May import: `ontology`, `workbench.nouns`, `workbench.ports`, `workbench.signals`, and one client library a file.
Never a sibling room, never a verb that writes.

To add a source: copy `prometheus.py`; `ask` maps a `Question` to a query of that system and the rows to the
columns that `Question` documents, and returns `Answered`, `Silent` or `Failed`, never raising for what is
outside. Add it to the sources of `tests/telemetry/test_source_contract.py` and name it in `workbench/assembly.py`.
"""
