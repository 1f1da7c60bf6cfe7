"""Views: a noun goes in, a picture with its sentence comes out.

Lives here: one file a view (`card`, `graph`, `metrics`, `logs`, `waterfall`, `board`, `coverage`, `spend`,
`episodes`, `observation`, `timeline`), each a pure function that returns a `View` (text, HTML, JSON; no widget, no
script, no picture file); `record`, the JSON object of a case; `widgets`, the buttons of a live session.

May import: the nouns, `workbench.signals`, the ontology. Never a sibling room.

To add a view: copy `spend.py`. Build HTML with `markup.tag`, which escapes; take words and numbers from `words`;
give the text form the same content; open with the sentence that a colleague would say.
"""
