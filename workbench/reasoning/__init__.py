"""Reasoning: who thinks about a case behind `ports.Reasoner`.

Lives here: `statistical` (no model, no key, no network; the default, runs first in every investigation),
`claude` (the only importer of anthropic) and its `prompts`. A reasoner is a function of the case: it reads
observations, topology and steers, and returns hypotheses and questions; it never asks a source itself.

May import: `ontology`, `memory.protocol`, `workbench.nouns`, `workbench.ports`, `workbench.signals`.

To add a reasoner: a file or folder here with a class that has `name` and `think(case, left) -> Thought`; run the
contract suite in `tests/reasoning` over it, and name it in `workbench/assembly.py`.
"""
