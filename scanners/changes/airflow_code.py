"""Airflow DAGs as their Python says: id, schedule, tasks with operator, order, image, connections, command. Pure.

The code is parsed and never run. A name that is computed is left out; a constant of the module is followed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from scanners.changes.pipeline_nouns import Pipeline, Task
from scanners.changes.shell_commands import Act, acts

LENGTH = 2_000
"""Characters of a command that are kept."""
_DAG = re.compile(r"(^|\.)DAG$")
_OPERATOR = re.compile(r"(Operator|Sensor|OperatorAsync)$|^(KubernetesPod|Bash|Python)")
_TASK = re.compile(r"(^|\.)task(\.\w+)?$")


def is_dag_file(text: str) -> bool:
    """Say whether a Python file may hold a DAG, as Airflow's own safe mode does.

    >>> is_dag_file("from airflow import DAG"), is_dag_file("import os")
    (True, False)
    """
    return "airflow" in text and "dag" in text.lower()


def dags(text: str, path: str) -> tuple[Pipeline, ...]:
    """Return the DAGs of a file.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python.
    """
    reader = _Reader(path)
    reader.constants = _constants(tree := ast.parse(text))
    reader.visit(tree)
    return tuple(reader.pipelines())


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the names of the module that stand for a text."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


@dataclass(slots=True)
class _Dag:
    name: str
    line: int
    schedule: str
    tasks: dict[str, Task] = field(default_factory=dict)


class _Reader(ast.NodeVisitor):
    """Walks a module: which DAG is open, which variable holds which task."""

    def __init__(self, path: str) -> None:
        """Begin with nothing."""
        self.path = path
        self.constants: Mapping[str, str] = {}
        self.found: list[_Dag] = []
        self.open: list[_Dag] = []
        self.named: dict[str, _Dag] = {}
        self.holds: dict[str, tuple[_Dag, str]] = {}

    def pipelines(self) -> Iterator[Pipeline]:
        """Yield what was found."""
        for dag in self.found:
            schedules = (dag.schedule,) if dag.schedule else ()
            where = f"{self.path}:{dag.line}"
            yield Pipeline("airflow", dag.name, self.path, where, schedules, tasks=tuple(dag.tasks.values()))

    def visit_With(self, node: ast.With) -> None:
        """Open the DAG of `with DAG(...) as dag:`."""
        opened = 0
        for item in node.items:
            dag = self._dag(item.context_expr)
            if dag is not None:
                self.open.append(dag)
                opened += 1
                if isinstance(item.optional_vars, ast.Name):
                    self.named[item.optional_vars.id] = dag
        self.generic_visit(node)
        del self.open[len(self.open) - opened :]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Open the DAG of `@dag`, or write the task of `@task` down."""
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            name = _dotted(call.func if call else decorator)
            if re.search(r"(^|\.)dag$", name):
                self.open.append(self._new(self._word(call, "dag_id", 0) or node.name, node.lineno, call))
                self.generic_visit(node)
                self.open.pop()
                return
            if _TASK.search(name) and (self.open or self.found):
                dag = self.open[-1] if self.open else self.found[-1]
                task = self._word(call, "task_id") or node.name
                dag.tasks[task] = Task(task, f"@{name}", evidence=f"{self.path}:{node.lineno}")
                self.holds[node.name] = (dag, task)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Remember which variable holds a DAG or a task."""
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        dag = self._dag(node.value)
        held = None if dag else self._task(node.value)
        for name in names:
            if dag is not None:
                self.named[name] = dag
            elif held is not None:
                self.holds[name] = held
        if dag is None and held is None:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Write a task down that no variable holds."""
        if self._task(node) is None:
            self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Understand `a >> [b, c]` and `a << b`."""
        self.generic_visit(node)
        if isinstance(node.op, ast.RShift | ast.LShift):
            left, right = self._ends(node.left, last=True), self._ends(node.right, last=False)
            first, then = (left, right) if isinstance(node.op, ast.RShift) else (right, left)
            for dag, name in then:
                task = dag.tasks[name]
                before = [other for owner, other in first if owner is dag and other not in task.after]
                dag.tasks[name] = replace(task, after=(*task.after, *before))

    def _ends(self, node: ast.expr, *, last: bool) -> list[tuple[_Dag, str]]:
        """Return the tasks that an arrow begins or ends with."""
        if isinstance(node, ast.BinOp):
            return self._ends(node.right if last else node.left, last=last)
        if isinstance(node, ast.List | ast.Tuple):
            return [end for each in node.elts for end in self._ends(each, last=last)]
        if isinstance(node, ast.Call):
            word = self._word(node, "task_id")
            known = [(dag, word) for dag in self.found if word in dag.tasks]
            return known[-1:] if word else self._ends(node.func, last=last)
        held = self.holds.get(node.id) if isinstance(node, ast.Name) else None
        return [held] if held is not None else []

    def _dag(self, node: ast.expr) -> _Dag | None:
        """Return the DAG that an expression makes; None for another, or one whose id is computed."""
        if isinstance(node, ast.Call) and _DAG.search(_dotted(node.func)):
            name = self._word(node, "dag_id", 0)
            return self._new(name, node.lineno, node) if name else None
        return None

    def _new(self, name: str, line: int, call: ast.Call | None) -> _Dag:
        schedule = self._argument(call, "schedule") or self._argument(call, "schedule_interval")
        shown = ast.unparse(schedule)[:200] if isinstance(schedule, ast.Call | ast.List) else ""
        dag = _Dag(name, line, self._text(schedule) or shown)
        self.found.append(dag)
        return dag

    def _task(self, node: ast.expr) -> tuple[_Dag, str] | None:
        """Write down the task that an expression makes; None for another."""
        if not isinstance(node, ast.Call):
            return None
        name, operator = self._word(node, "task_id"), _dotted(node.func).rpartition(".")[2]
        said = self._argument(node, "dag")
        dag = self.named.get(said.id) if isinstance(said, ast.Name) else None
        dag = dag or (self.open[-1] if self.open else self.found[0] if len(self.found) == 1 else None)
        if not name or dag is None or not _OPERATOR.search(operator):
            return None
        if name not in dag.tasks:
            dag.tasks[name] = self._read(node, name, operator)
        return dag, name

    def _read(self, node: ast.Call, name: str, operator: str) -> Task:
        """Return a task with what its arguments name."""
        where = f"{self.path}:{node.lineno}"
        command = self._word(node, "bash_command") or self._word(node, "command") or ""
        done = list(acts(command, {}, where)) if command else []
        if used := self._word(node, "image"):
            done.append(Act("use", "image", used, self._word(node, "namespace"), evidence=where))
        connections = tuple(
            value
            for keyword in node.keywords
            if keyword.arg and keyword.arg.endswith("conn_id") and (value := self._text(keyword.value))
        )
        triggers = self._word(node, "trigger_dag_id") or self._word(node, "external_dag_id")
        return Task(name, operator, (), connections, command[:LENGTH], triggers, tuple(done), where)

    def _argument(self, call: ast.Call | None, name: str, position: int = -1) -> ast.expr | None:
        """Return an argument by its name, or else by its position."""
        if call is None:
            return None
        named = next((each.value for each in call.keywords if each.arg == name), None)
        return named if named is not None else call.args[position] if 0 <= position < len(call.args) else None

    def _word(self, call: ast.Call | None, name: str, position: int = -1) -> str:
        return self._text(self._argument(call, name, position))

    def _text(self, node: ast.expr | None) -> str:
        """Return the text of an expression; empty for one that is computed, or holds a template."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        return self.constants.get(node.id, "") if isinstance(node, ast.Name) else ""


def _dotted(node: ast.expr) -> str:
    """Return a dotted name; empty for another expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}".lstrip(".")
    return ""
