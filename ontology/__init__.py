"""Words: what exists in an estate, and how we name it.

Lives here: the Turtle files (`infrastructure`, `incident`, `layers`, `shapes`), the typed nouns that mirror
them (`nouns`), every term as a constant (`terms`), the rules that make an IRI from names (`iris`), and the
tree of errors (`errors`).

May import: the standard library; `loader` alone reads Turtle, with rdflib and pyshacl, late.

To add a word: write it in the `.ttl`, then in `terms.py`; a test holds the two together.
"""
