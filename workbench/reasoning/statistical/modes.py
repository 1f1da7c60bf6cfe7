"""How a suspect failed: the failure mode that its leading evidence says, and the claim in a sentence."""

from __future__ import annotations

import math

from workbench.reasoning.statistical.calls import Calls
from workbench.reasoning.statistical.ranking import Suspect
from workbench.reasoning.statistical.signs import Family, Sign
from workbench.reasoning.statistical.vocabulary import Signal

TELLING = 0.8
"""Nats from which a hint decides."""

BUSY = 1.5
"""Nats of a CPU shift from which it is the reason for slowness."""

_BY_RESOURCE = {
    Signal.CPU: "cpu-saturation",
    Signal.MEMORY: "memory-pressure",
    Signal.DISK: "disk-full",
    Signal.NETWORK: "network-delay",
    Signal.RESTARTS: "crash-loop",
}

_BY_WORDS = {
    "disk": "disk-full",
    "certificate": "certificate",
    "secret": "bad-configuration",
    "memory": "memory-pressure",
}
"""What its own new lines say, to the failure mode that they name."""

SHARE = 0.6
"""Share of the leading sign's nats from which what states a cause decides: it explains the symptom that leads."""


def stated(suspect: Suspect) -> Sign | None:
    """Return the most telling sign that names a cause, else a mode, where nothing else tells much more."""
    leading = suspect.leading()
    enough = SHARE * leading.nats if leading is not None else math.inf
    known = [sign for sign in suspect.signs if (sign.cause or sign.mode) and sign.nats >= enough]
    return max(known, key=lambda sign: (bool(sign.cause), sign.nats), default=None)


def mode_of(suspect: Suspect, graph: Calls) -> str:
    """Return the slug of the failure mode; `unknown` where the evidence does not say.

    What is particular decides before what is general: a leak, a restart, words of its own lines that name a state, no
    answer at all, a change just before, a resource, and only then that it is slow or fails.
    """
    said = {sign.hint for sign in suspect.signs if sign.nats >= TELLING}
    gave_up = any(sign.hint == "timeout" and sign.family is Family.ERRORS for sign in suspect.signs)
    leading = suspect.leading()
    leading = stated(suspect) or leading
    if leading is not None and leading.mode:
        return leading.mode
    if "leak" in said or ("descriptors" in said and suspect.holds(Signal.DESCRIPTORS)):
        return "resource-leak"
    if "restart" in said:
        return "crash-loop"
    named = next((mode for hint, mode in _BY_WORDS.items() if hint in said), "")
    if named:
        return named
    change = suspect.leading(Family.CHANGE)
    if change is not None and change.nats >= TELLING and leading is not None:
        return "bad-configuration" if change.hint == "config" or gave_up else "bad-release"
    if "unreachable" in said:
        return "dependency-down"
    return _general(suspect, leading, said, graph)


def _general(suspect: Suspect, leading: Sign | None, said: set[str], graph: Calls) -> str:
    if leading is None:
        return "unknown"
    if leading.family is Family.RESOURCE and leading.signal in _BY_RESOURCE and leading.nats > 0:
        return _BY_RESOURCE[leading.signal]
    if leading.family is Family.LOAD:
        return "overload"
    slow = suspect.leading(Family.SLOWNESS)
    failing = suspect.leading(Family.ERRORS, Family.PATTERN)
    if slow is not None and (failing is None or slow.nats >= failing.nats):
        return _slow(suspect, slow, graph)
    if "unreadable" in said:
        return "bad-data"
    if failing is not None or suspect.leading(Family.LOGS) is not None:
        return "bad-configuration" if said & {"timeout", "pool", "descriptors"} else "code-error"
    return "unknown"


def _slow(suspect: Suspect, slow: Sign, graph: Calls) -> str:
    if any(sign.signal is Signal.CPU and sign.nats >= BUSY for sign in suspect.signs):
        return "cpu-saturation"  # before the network: who has no CPU is late to accept a call, which looks like a gap
    if slow.hint == "network":
        return "network-loss" if any(sign.hint == "unanswered" for sign in suspect.signs) else "network-delay"
    return "dependency-slow" if graph.callers(suspect.name) else "code-latency"


CLAIMS = {
    "dependency-slow": "{name} became slow, and whoever calls it waits",
    "dependency-down": "{name} does not answer its callers",
    "hang": "{name} stands still: it takes calls and answers none",
    "bad-configuration": "A configuration change broke {name}",
    "bad-release": "A release broke {name}",
    "resource-leak": "{name} leaks {what}",
    "cpu-saturation": "{name} runs out of CPU",
    "memory-pressure": "{name} runs out of memory",
    "disk-full": "{name} runs out of disk",
    "network-delay": "The network to {name} became slow",
    "network-loss": "The network to {name} loses packets",
    "crash-loop": "{name} restarts again and again",
    "bad-data": "{name} gets data that it cannot read",
    "cold-cache": "The cache of {name} no longer helps: its store serves every request",
    "code-error": "{name} fails on its own",
    "code-latency": "{name} became slow on its own",
    "overload": "{name} gets more requests than it can serve",
    "admission-refused": "The cluster refuses to create what {name} needs",
    "unschedulable": "No node takes the pods of {name}",
    "start-failure": "A container of {name} cannot be started",
    "bad-probe": "A health check of {name} asks wrongly",
    "misrouting": "Requests go astray at {name}",
    "node-failure": "The node {name} does not work",
    "scaled-down": "{name} runs with too few replicas, or none",
    "store-refuses": "The store {name} is up and refuses its clients",
    "name-resolution": "Names are not resolved at {name}: its own, or those that it calls",
    "certificate": "A certificate of {name} is not valid",
    "unknown": "Something is wrong in {name}",
}
"""Failure mode to the hypothesis in a sentence."""


def claim(suspect: Suspect, mode: str) -> str:
    """Return the hypothesis in a sentence."""
    leak = next((sign for sign in suspect.signs if sign.hint == "leak" and sign.signal), None)
    what = str(leak.signal) if leak is not None and leak.signal is not None else "a resource"
    if mode == "bad-configuration" and suspect.leading(Family.CHANGE) is None:
        return f"{suspect.name} fails as if one of its limits or time-outs were wrong"
    return CLAIMS[mode].format(name=suspect.name, what=what)
