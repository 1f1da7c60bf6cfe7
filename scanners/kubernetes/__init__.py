"""Kubernetes: manifests in a folder (`manifests`) and a live cluster (`api`).

Both are written down by the same code (`estate`, `facts`, `network`), so that they meet at one node; what runs is
`runtime` and `nodes`, what an object is `objects` and `workloads`.
"""
