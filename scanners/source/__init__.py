"""Source code: what each function reads from its environment, and whom it is a client of.

`scanner` walks a folder; `reading` understands its files in a process that may die (`worker`). Python has a reader
of its own (`python_code`), all other languages one walk (`tree_code`) and one follower of values (`flow_code`) with
a table each (`languages`). Another language is a table, and a line in `readers`.
"""
