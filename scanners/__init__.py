"""The eyes: one file a source of structure. A scanner reads, and says what it saw as facts; it writes nowhere.

Lives here: `protocol` (the seam: Scanner, Reading, Scan, Problem), `catalogue` (name -> scanner), one module a source
(`compose`, `kubernetes`, `source`, `terraform`, `processes`, `traces`), and what they share: `bounded` (files
parsed in a process that may die), `ledger` (facts as they are written), `references` (which service does a value mean),
`edges` (from mentions to calls), `roles` (what an image is for), `secrecy` (what never becomes a fact). Code is read by
`python_code`, `template_code`, and for every other language by one walk (`tree_code`), one follower of values
(`flow_code`) and a table each (`languages`); what they find are `source_nouns`.

May import: ontology. A scanner never builds a network client and never opens the graph.

To add one: copy the nearest scanner, keep its three parts (`read` does I/O, `facts` is pure, `scan` is both),
change the nouns, name it in `catalogue`, and give it a small estate in `tests/scanners`.
"""
