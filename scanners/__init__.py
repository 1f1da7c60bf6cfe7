"""The eyes: each scanner reads one source of structure, and says what it saw as facts; it writes nowhere.

Lives here: `protocol` (the seam: Scanner, Reading, Scan, Problem), `catalogue` (name -> scanner), a file or a folder
for each source (`compose`, `kubernetes` with `kustomize`, `cloud`, `terraform`, `source`, `changes`,
`observability`, `flags`, `processes`), and what they share: files of strangers within bounds (`bounded`,
`documents`), facts as they are written (`ledger`), where a file comes from (`origin`), which environment a name
belongs to (`binding`), what never becomes a fact (`secrecy`), which service a value means and what follows from it
(`addresses`, `references`, `edges`, `roles`), and what code settles of configuration (`resolver`).

May import: ontology. A scanner never builds a network client (`protocol.Clients` is handed in) and never opens the
graph.

To add one: copy the nearest scanner, keep its three parts (`read` does I/O, `facts` is pure, `scan` is both), change
the nouns, name it in `catalogue`, and give it a small estate in `tests/scanners`.
"""
