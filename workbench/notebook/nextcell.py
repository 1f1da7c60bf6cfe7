"""The cell that comes next: proposed by the agent, inserted unrun, run by a person.

In the lab, our extension inserts it: the kernel opens a comm to it for each cell, so that a reload of the page loses
nothing. Everywhere else (a terminal, a lab without the extension) IPython's own `set_next_input` does. Whether a
lab listens is known only once it has answered: its answer waits until the running cell has ended, so `listen` is
called when a case opens, and a cell proposed before the answer goes the other way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

TARGET = "workbench"
"""Name of the comm target, as in `labextension/src/bridge.ts`."""

Way = Literal["lab", "next input", "nowhere"]


class _Lab:
    """Whether a lab with our extension has answered this kernel."""

    answered = False

    def hear(self, message: dict[str, Any]) -> None:
        """Take the lab's answer to anything we sent."""
        self.answered = self.answered or message["content"]["data"].get("action") in ("here", "inserted", "refused")


_lab = _Lab()
_hello: list[Any] = []
"""The comm that stays open as a sign that this kernel holds a case; at most one."""


def listen() -> None:
    """Ask whether a lab with our extension is looking on; harmless to call again, and outside a kernel."""
    ours = shell()
    if _hello or ours is None or not hasattr(ours, "kernel"):
        return
    _hello.append(_send({"action": "hello"}))


def insert(source: str, *, id: str = "") -> Way:  # the name that the lab's command has
    """Propose a cell of plain Python below the one that is running; say which way it went.

    Args:
        source: what the person would have typed.
        id: name of the proposal; the lab inserts one name once.
    """
    ours = shell()
    if ours is None:
        return "nowhere"
    if _lab.answered and hasattr(ours, "kernel"):
        _send({"action": "insert", "source": source, "id": id})
        return "lab"
    ours.set_next_input(source)
    return "next input"


def save_notebook() -> bool:
    """Ask the lab to save the notebook that runs us; say whether there is a lab to ask."""
    ours = shell()
    if ours is None or not _lab.answered or not hasattr(ours, "kernel"):
        return False
    _send({"action": "save"})
    return True


def shell() -> InteractiveShell | None:
    """Return the IPython that runs us, if one does."""
    from IPython.core.getipython import get_ipython

    return get_ipython()


def _send(data: dict[str, str]) -> Any:
    """Open a comm to the lab with this message, and hear its answer."""
    from comm import create_comm

    comm = create_comm(target_name=TARGET, data=data)
    comm.on_msg(_lab.hear)
    return comm
