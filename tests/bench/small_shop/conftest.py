"""The services here are processes of a test, not modules of one."""

collect_ignore_glob = ["*.py"]
