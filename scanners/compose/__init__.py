"""Docker Compose: what its files declare.

The way in is `scanner`; `files` finds an estate's files, `merge` merges them as the Compose specification does,
`mounts` says which service has which folder.
"""
