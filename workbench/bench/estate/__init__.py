"""The estate: a small shop that runs as real processes, is loaded, broken on purpose, and recorded.

Lives here: the shop itself (`shop/`, standard library only, a package of its own that a scanner can read),
its processes (`running`), its users (`load`), what collects its telemetry (`collecting`), what breaks it (`faults`,
`launcher`, `locker`), the tables of a recording (`tables`, `alerting`), and the script that does it all (`record`).

May import: the standard library, pandas, pyyaml, ontology, scanners and `workbench.graph` (for the graph step only).

To add a fault: give it a function in `faults.py`, a line in `SCENARIOS`, and record it.
"""
