"""Client classes of Python code's own: which of their parameters say where they call. Pure.

A class is one when what it is given stands, by its own methods, beside a call of a client library: `self.base` in a
method that calls `requests.get`, or that calls a method which does. What is handed to its constructor is then an
address, and who uses the object is a client of it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from scanners.references import names_an_address
from scanners.source.python_names import Helper, name_of, names_in, pairs

Calls = Callable[[ast.Call], bool]
"""Says of a call whether it reaches out: to a library of clients, or to a client class that is known."""
Method = ast.FunctionDef | ast.AsyncFunctionDef


def addressed(node: ast.ClassDef, calls: Calls) -> tuple[Helper, ...]:
    r"""Return the parameters of a class that say whom it calls: those that name an address, if there are such.

    >>> tree = ast.parse(
    ...     "class Peer:\n"
    ...     "  def __init__(self, base, wait): self.base, self.wait = base, wait\n"
    ...     "  def get(self, path): return requests.get(self.base + path, timeout=self.wait)\n"
    ... )
    >>> [each.parameter for each in addressed(tree.body[0], lambda call: name_of(call.func.value) == "requests")]
    ['base']
    """
    methods = {each.name: each for each in node.body if isinstance(each, Method)}
    maker = methods.get("__init__")
    fields = dict(_filled(maker)) if maker else dict(_declared(node))
    used = _used(methods, calls) if fields else set()
    found = {helper.parameter: helper for field, helper in fields.items() if field in used}
    if maker:
        parameters = _parameters(maker)
        for part in ast.walk(maker):
            if isinstance(part, ast.Call) and calls(part):
                given = names_in((*part.args, *(word.value for word in part.keywords)))
                found |= {name: parameters[name] for name in given if name in parameters}
    named = tuple(helper for helper in found.values() if names_an_address(helper.parameter))
    return named or tuple(found.values())


def _parameters(maker: Method) -> dict[str, Helper]:
    """Return the parameters of a constructor but the object itself."""
    arguments = [*maker.args.posonlyargs, *maker.args.args]
    found = {each.arg: Helper(index, each.arg, method=True) for index, each in enumerate(arguments) if index}
    return found | {each.arg: Helper(-1, each.arg) for each in maker.args.kwonlyargs}


def _filled(maker: Method) -> Iterator[tuple[str, Helper]]:
    """Yield the fields that a constructor fills from a parameter."""
    parameters = _parameters(maker)
    for part in ast.walk(maker):
        if not isinstance(part, ast.Assign | ast.AnnAssign) or part.value is None:
            continue
        for each in part.targets if isinstance(part, ast.Assign) else [part.target]:
            for target, value in pairs(each, part.value):
                if isinstance(target, ast.Attribute) and name_of(target.value) == "self":
                    yield from ((target.attr, parameters[name]) for name in names_in([value]) if name in parameters)


def _declared(node: ast.ClassDef) -> Iterator[tuple[str, Helper]]:
    """Yield the fields of a data class, which its constructor takes in their order."""
    if node.decorator_list or node.bases:
        names = [name_of(each.target) or "" for each in node.body if isinstance(each, ast.AnnAssign)]
        yield from ((name, Helper(index, name)) for index, name in enumerate(names))


def _used(methods: Mapping[str, Method], calls: Calls) -> set[str]:
    """Return the fields that stand in methods which call, by themselves or by methods that they use."""
    own = {name: _mentioned(each) for name, each in methods.items() if name != "__init__"}
    instruments = {field for each in methods.values() for field in _instruments(each, calls)}
    calling = {name for name in own if own[name] & instruments or _calls(methods[name], calls)}
    for _ in own:
        more = {name for name in own if own[name] & calling} - calling
        calling |= more
        if not more:
            break
    used: set[str] = set()
    left = list(calling)
    while left:
        fresh = own[left.pop()] - used
        used |= fresh
        left.extend(fresh & own.keys())
    return used


def _mentioned(method: Method) -> set[str]:
    """Return what a method takes from its object."""
    return {
        part.attr
        for part in ast.walk(method)
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Load) and name_of(part.value) == "self"
    }


def _instruments(method: Method, calls: Calls) -> Iterator[str]:
    """Yield the fields that hold a client: `self.session = requests.Session()`."""
    for part in ast.walk(method):
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Call) and calls(part.value):
            yield from (each.attr for each in part.targets if isinstance(each, ast.Attribute))


def _calls(method: Method, calls: Calls) -> bool:
    return any(isinstance(part, ast.Call) and calls(part) for part in ast.walk(method))
