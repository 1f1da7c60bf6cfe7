"""Experience: what we lived through, and what it taught us.

Lives here: the nouns of memory and its one seam (`protocol`), episodes, runbooks, likeness (pure), track record
(pure), calibration and the measures of a ranking and a confidence (pure), the small embedding model.

May import: `ontology` and the standard library plus one storage, embedding or numeric library a file. Never a network
client: assembly hands one in.

To add a memory: implement `protocol.Memory` in a file of its own and name it in `workbench/assembly.py`.
"""
