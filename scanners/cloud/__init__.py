"""Clouds, through the clients of their vendors: `aws`, `gcp`.

What asks stands apart from what an answer means (`*_resources`, `*_joints`) and from what a thing is called
(`*_names`); `cloud_nouns` is the resource of any cloud, and the facts that follow from it. Terraform says the same
things.
"""
