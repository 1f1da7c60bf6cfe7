"""Every scanner by its name on the command line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ontology.errors import BadInput
from scanners.binding import UNBOUND, Binding
from scanners.protocol import OFFLINE, Clients, Now, Redact, Scanner, clock
from scanners.secrecy import without_secrets


@dataclass(frozen=True, slots=True)
class Order:
    """What a scanner is made for."""

    target: str
    """A folder or file, a context, an account, an address."""
    environment: str = "default"
    redact: Redact = without_secrets
    now: Now = clock
    clients: Clients = OFFLINE
    binding: Binding = UNBOUND


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the catalogue."""

    make: Callable[[Order], Scanner[Any]]
    target: str
    """What it wants to be pointed at, in a person's words."""
    local: bool = True
    """Whether the target must exist on this machine."""


def _class(where: str) -> Callable[..., Scanner[Any]]:
    """Return the class of `module:Class`, imported when it is called: a vendor's library takes seconds."""
    module, _, name = where.partition(":")

    def made(*args: Any, **options: Any) -> Scanner[Any]:
        found: Scanner[Any] = getattr(import_module(module), name)(*args, **options)
        return found

    return made


def _folder(where: str, target: str = "a folder or a file", *, bound: bool = False) -> Entry:
    """Return the entry of a scanner that reads files: `Class(path, environment, redact, now)`.

    `bound` hands it the scope binding too (`binding=`): it finds names to bind in what it reads.
    """
    make = _class(where)

    def made(order: Order) -> Scanner[Any]:
        more = {"binding": order.binding} if bound else {}
        return make(Path(order.target), order.environment, order.redact, order.now, **more)

    return Entry(made, target)


def _api(where: str, target: str, *, bound: bool = False) -> Entry:
    """Return the entry of a scanner that asks an API: `Class(target, environment, redact, now, clients=...)`."""
    make = _class(where)

    def made(order: Order) -> Scanner[Any]:
        more = {"binding": order.binding} if bound else {}
        return make(order.target, order.environment, order.redact, order.now, clients=order.clients, **more)

    return Entry(made, target, local=False)


CATALOGUE: Mapping[str, Entry] = {
    "aws": _api(
        "scanners.cloud.aws:AwsScanner", "a profile of the AWS configuration, or profile@region,region", bound=True
    ),
    "compose": _folder("scanners.compose.scanner:ComposeScanner", bound=True),
    "flags": _folder("scanners.flags:FlagsScanner", "a folder of flagd flag files"),
    "gcp": _api("scanners.cloud.gcp:GcpScanner", "a project id", bound=True),
    "git": _folder("scanners.changes.git:GitScanner", "a checkout"),
    "grafana": _api(
        "scanners.observability.grafana:GrafanaScanner", "an address, or a folder of dashboards and alert rules"
    ),
    "jaeger": _api("scanners.observability.jaeger:JaegerScanner", "an address", bound=True),
    "kubernetes": _folder("scanners.kubernetes.manifests:KubernetesScanner", "a folder of manifests", bound=True),
    "kubernetes-api": _api("scanners.kubernetes.api:KubernetesApiScanner", "a context of the kubeconfig", bound=True),
    "pipelines": _folder(
        "scanners.changes.pipelines:PipelinesScanner", "a checkout with pipelines, or a folder of DAGs"
    ),
    "processes": Entry(
        lambda order: _class("scanners.processes:ProcessScanner")(order.environment, order.redact, order.now),
        "anything: it looks at this host",
        local=False,
    ),
    "prometheus": _api("scanners.observability.prometheus:PrometheusScanner", "an address, or a folder of rules"),
    "source": _folder("scanners.source.scanner:SourceScanner", "a folder of source code"),
    "terraform": _folder("scanners.terraform.scanner:TerraformScanner"),
    "traces": _folder("scanners.observability.traces:TracesScanner", "a file or a folder of traces", bound=True),
}


def scanner(
    name: str,
    target: Path | str,
    environment: str = "default",
    *,
    redact: Redact = without_secrets,
    now: Now = clock,
    clients: Clients = OFFLINE,
    binding: Binding = UNBOUND,
) -> Scanner[Any]:
    """Return the scanner of that name for a target; the binding may say another environment than the given one.

    Raises:
        BadInput: there is no such scanner.

    >>> scanner("compose", Path("deploy"), "prod").scope.endswith("deploy")
    True
    """
    chosen = entry(name)
    place = str(target)
    names = (place, Path(place).name) if chosen.local else (place,)
    where = binding.environment(name, *names, other=environment)
    return chosen.make(Order(place, where, redact, now, clients, binding))


def entry(name: str) -> Entry:
    """Return the line of the catalogue.

    Raises:
        BadInput: there is no such scanner.
    """
    found = CATALOGUE.get(name)
    if found is None:
        alike = difflib.get_close_matches(name, CATALOGUE, 1)
        meant = f"Did you mean {alike[0]}? " if alike else ""
        raise BadInput(
            f"There is no scanner {name!r}.", next_step=f"{meant}Choose one of: {', '.join(sorted(CATALOGUE))}."
        )
    return found
