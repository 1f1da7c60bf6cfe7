"""Runs the command line over and over, each time in a process of its own: forked once all of it is imported.

A line of JSON comes in for each run, its exit code goes out. Every run has its own streams, folder and environment.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any

from workbench.cli import VERBS, main


def run(asked: dict[str, Any]) -> int:
    """Be the command line; return its exit code."""
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    for stream, (path, flags) in enumerate(
        [(asked["stdin"], os.O_RDONLY), (asked["out"], os.O_WRONLY), (asked["err"], os.O_WRONLY)]
    ):
        os.dup2(os.open(path, flags), stream)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # for as long as the process lives
    sys.argv = ["workbench", *asked["words"]]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    for name in (
        "pandas",
        "nbformat",
        "pyshacl",
        "rdflib",
        "scanners.compose.scanner",
        "scanners.terraform.scanner",
        *(place.partition(":")[0] for place in VERBS.values()),
    ):
        import_module(name)
    gc.freeze()  # else every run looks through all that was imported, on its way out
    for line in sys.stdin:
        child = os.fork()
        if not child:
            sys.exit(run(json.loads(line)))  # the whole way out, so that files are closed as they are in real life
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
