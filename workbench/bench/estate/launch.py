"""Become a program that ends when whoever started it is gone: `python -I -S launch.py PARENT FDS SIGNAL PROGRAM...`.

`FDS` limits its open file descriptors (0: no limit of its own), `SIGNAL` is the number that ends it. Linux: the
kernel itself sends the signal (PR_SET_PDEATHSIG), so that nothing has to live on to do it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind our life to the parent's, take the limit, and become the program."""
    parent, fds, number, *program = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
    if os.getppid() != int(parent):  # it died before we asked
        sys.exit(1)
    if int(fds):
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(fds), int(fds)))
    os.execvp(program[0], program)  # noqa: S606  # a list of words, no shell


if __name__ == "__main__":
    main()
