"""The engine: turns a case into a better case. Pure: it touches the world only through `workbench.ports`.

Lives here: the one loop (`loop`), which entities are worth looking at (`scope`), questions about a case that its
weighing needs (`weigh`), how sure we are and why (`confidence`), what we are willing to show (`conclude`), the
shape of an incident (`symptoms`), and a case and a verdict into an episode (`close`).

May import: `ontology`, `memory.protocol`, `workbench.nouns`, `workbench.ports`, `workbench.signals`; never a
sibling room, never a client library.

To add a feature to the confidence: a function in `confidence.py` that yields a `Feature` with its sentence, a
coefficient with its reason, and a test that the number moves the way the sentence says.
"""
