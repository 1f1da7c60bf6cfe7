"""The tree of errors, by audience.

    WorkbenchError
    ├── PersonError          a person reads it: what is wrong, and what to do next
    │   ├── BadInput         a file, an alert, a query or an argument that cannot be used
    │   ├── NotFound         a name that leads to nothing: an alert, a case, a file
    │   ├── NotAllowed       no permission, or a request that the read-only seams refuse
    │   └── Unavailable      something outside does not answer, or is not set up
    ├── ModelError           a model reads it, and reacts: a tool call that cannot be carried out
    └── (anything else)      the programmer reads it: a traceback

Scanners, sources and memory raise the same tree, so the command line, the notebook and the server show it alike.
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """Base of every error that the workbench raises on purpose."""


class PersonError(WorkbenchError):
    """An error for the person at the desk: one sentence that says what is wrong, one that says what to do.

    >>> print(PersonError("The alert 'x' is unknown.", next_step="List the alerts: workbench open --list"))
    The alert 'x' is unknown. Next: List the alerts: workbench open --list
    """

    def __init__(self, problem: str, *, next_step: str) -> None:
        """Keep the two sentences apart, so that a view can set them as it likes."""
        self.problem = problem
        self.next_step = next_step
        super().__init__(f"{problem} Next: {next_step}")

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show in a cell: the two sentences, no traceback."""
        return [self.problem, f"Next: {self.next_step}"]


class BadInput(PersonError):  # noqa: N818  # named as the person would say it
    """What was handed in cannot be used: malformed alert, broken file, SPARQL syntax, wrong argument."""


class NotFound(PersonError):  # noqa: N818
    """A name that leads to nothing."""


class NotAllowed(PersonError):  # noqa: N818
    """No permission on a file, or a request that the read-only seams refuse."""


class Unavailable(PersonError):  # noqa: N818
    """Something outside does not answer, or is not set up."""


class ModelError(WorkbenchError):
    """An error that a model reads and reacts to; the investigation goes on."""
