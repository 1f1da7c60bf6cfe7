"""Notebook: the document that an alert becomes, and what its cells may say.

Lives here: the document on disk (`document`), the magics (`magics`, with Python variables bound by `binding`), what
completes them (`completion`), the cell that the agent proposes next (`nextcell`).

May import: `ontology`, `workbench.nouns`, nbformat, IPython. Never a sibling room: what a magic asks of the graph is
handed in.

To add a magic: write it in `magics.py` beside `%%sparql` and register it in `magics.register`.
"""
