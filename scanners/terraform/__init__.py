"""Terraform: declarations (`hcl`), plans and states (`state`).

The way in is `scanner`; `resources` and `joints` say which thing of the cloud a block is, and what it is joined to.
"""
