"""A pipeline as every system has it: what it is called, when it runs, what it builds, deploys and uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanners.changes.shell_commands import Act


@dataclass(frozen=True, slots=True)
class Task:
    """A step of a pipeline that has a name of its own, such as a task of a DAG."""

    name: str
    operator: str
    after: tuple[str, ...] = ()
    """Tasks that it waits for."""
    connections: tuple[str, ...] = ()
    command: str = ""
    triggers: str = ""
    """The pipeline that it starts."""
    acts: tuple[Act, ...] = ()
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What was read of one pipeline."""

    system: str
    """`github`, `gitlab` or `airflow`."""
    name: str
    path: str
    """File that defines it, relative to the scanned folder."""
    evidence: str
    schedules: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    environments: Mapping[str, str] = field(default_factory=dict)
    """Environment that it says it deploys to, and where."""
    acts: tuple[Act, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    """Path of another pipeline's file that it runs, and where."""
    tasks: tuple[Task, ...] = ()
