"""The infrastructure graph: what every source said of the estate, in named graphs, with its provenance.

Lives here: the store (`store`), the diff of a rescan (`revision`, `rescan`), every change ever written (`changelog`)
and what it tells (`history`), how old facts are (`staleness`), what is one thing under two names (`aliases`), copies
for readers (`snapshots`), the one place where nouns and RDF terms meet (`convert`), the named questions (`queries`),
what the engine sees (`view`), and free-form SPARQL (`admission` reads it, `ask` bounds it, `worker` runs it).

May import: ontology, scanners' protocol, ports, nouns; no other module of the project may import pyoxigraph.

To add a question: write its SPARQL next to a function in `queries`, and a test on a small estate.
To add a source whose facts age: its time to live in `staleness.TTL`.
"""
