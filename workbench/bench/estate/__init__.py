"""The estate: a small shop that runs as real processes, is loaded, broken on purpose, and recorded.

Lives here: the shop itself (`shop/`, which a scanner can read), its processes, servers, network and users (`running`
and what it names), the faults (`faults/`, `patches/`, `chaos_neighbour`), whether they hurt (`chaos_impact`), their
recording (`recorder` and what it names), the replay (`chaos_replay`), and the runs of all of it (`chaos`).

May import: the standard library, pandas, pyyaml, ontology, scanners, `workbench.graph` and `workbench.telemetry`.

To add a fault: a `Fault` in the file of its family, a row in docs/estate.md, and `workbench chaos run --fault NAME`.
"""
