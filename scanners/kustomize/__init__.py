"""Kustomizations, rendered in this process: `render` is the way in, with a file for each kind of change."""
