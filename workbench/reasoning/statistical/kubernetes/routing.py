"""Why requests do not arrive: selectors, ports, protocols, addresses, routes, policies.

The semantics are those of the Kubernetes documentation: Service (selector, targetPort by number or name, protocol),
DNS for Services and Pods, Network Policies. Routes are those of a gateway that lists an `id` and a `uri` each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

from workbench.reasoning.statistical.kubernetes.estate import Cluster, Service, Workload
from workbench.reasoning.statistical.kubernetes.symptoms import COMPARED, LIKELY, ODD, POSSIBLE, Symptom

NEAR = 0.75
"""Likeness of two names (0 to 1) from which one looks like a slip of the other."""


def services(cluster: Cluster) -> Iterator[Symptom]:
    """Yield Services that select nobody, send to a port that nobody has, or speak another protocol."""
    for its in cluster.services.values():
        if not its.selector:
            continue
        behind = [each for each in cluster.workloads.values() if each.holds(its.selector)]
        if not behind and cluster.workloads:
            selector = ",".join(f"{key}={value}" for key, value in its.selector.items())
            nats = COMPARED if its.name in cluster.workloads else POSSIBLE if its.refused else ODD
            yield Symptom(
                its.name, "selector-matches-nothing", nats, f"{its.name} selects {selector}, which no pod has"
            )
        for workload in behind:
            yield from _ports(its, workload)


def _ports(its: Service, behind: Workload) -> Iterator[Symptom]:
    known = {port: protocol for container in behind.containers.values() for port, protocol in container.ports.items()}
    if not known:
        return  # nothing is declared, which is allowed
    for port, protocol, target in its.ports:
        others = set(known.values())
        if target not in known:
            nats = COMPARED if its.refused or not target.isdigit() else LIKELY - 1.0
            note = f"{its.name} sends {port} to {target}; {behind.name} has {', '.join(known)}"
            yield Symptom(behind.name, "target-port-wrong", nats, note)
        elif known[target] != protocol and protocol not in others:
            note = f"{its.name} takes {port}/{protocol}; {behind.name} speaks {known[target]} there"
            yield Symptom(behind.name, "protocol-wrong", COMPARED, note)


def addresses(cluster: Cluster) -> Iterator[Symptom]:
    """Yield variables whose address leads nowhere: a name like that of a service, a port that it does not have."""
    if not cluster.services:
        return
    wrong = list(_wrong_addresses(cluster))
    often = Counter(host for _, _, host, _ in wrong)
    for its, variable, host, port in wrong:
        service = cluster.services.get(host)
        if service is not None:
            ports = ", ".join(each for each, _, _ in service.ports)
            note = f"{its.name} calls {host}:{port} by {variable}; it takes {ports}"
            if often[host] > 1:  # every caller is wrong: the service moved
                yield Symptom(host, "target-port-wrong", LIKELY, note)
            else:
                yield Symptom(its.name, "address-wrong", COMPARED, note)
            continue
        like = max(((_like(host, name), name) for name in cluster.services), default=(0.0, ""))
        near = like[0] >= NEAR or any(
            host.startswith(f"{name}-") or name.startswith(f"{host}-") for name in cluster.services
        )
        used = near and ("Service", host) not in cluster.missing
        nats = COMPARED if used else ODD
        yield Symptom(its.name, "address-wrong", nats, f"{its.name} calls {host}:{port} by {variable}: no such service")


def _wrong_addresses(cluster: Cluster) -> Iterator[tuple[Workload, str, str, str]]:
    for its in cluster.workloads.values():
        for container in its.containers.values():
            for variable, address in container.addresses.items():
                match = re.fullmatch(r"(?:[a-z][a-z0-9+.-]*://)?([A-Za-z0-9.-]+):(\d+)(?:/.*)?", address)
                if not match:
                    continue
                host, port = match[1].split("."), match[2]
                if match[1] in ("localhost", "0.0.0.0") or re.fullmatch(r"[\d.]+", match[1]):  # noqa: S104  # read, not bound
                    continue
                inside = len(host) == 1 or host[-1] == "svc" or "svc" in host or host[1] == its.namespace
                name = host[0] if len(host) < 2 or host[1] in (its.namespace, "svc") or "svc" not in host else host[-1]
                headless = len(host) > 2 and host[1] in cluster.services  # a pod behind a headless service
                if not inside or headless:
                    continue
                service = cluster.services.get(name)
                if service is None or (service.ports and port not in {each for each, _, _ in service.ports}):
                    yield its, variable, name, port


def routes(cluster: Cluster) -> Iterator[Symptom]:
    """Yield routes of a gateway that name one service and lead to another, or to none."""
    names = [*dict.fromkeys([*cluster.services, *cluster.workloads])]
    usual = Counter(word for name in names for word in set(_words(name)))
    common = {word for word, count in usual.items() if count > len(names) / 2}
    meant = {name: frozenset(_words(name)) - common for name in names}
    for route, uri in cluster.routes.items():
        host = _host(uri)
        if not host or not names:
            continue
        asked = frozenset(_words(route)) - common
        wanted = [name for name, words in meant.items() if words and words == asked]
        if host not in names:
            like = max(names, key=lambda name: _like(host, name))
            said = not frozenset(_words(host)) - common - asked  # it leads where it says: not everything is installed
            nats = COMPARED if wanted else ODD if said else POSSIBLE
            note = f"the route {route} leads to {host}, which is not there"
            yield Symptom(wanted[0] if wanted else like, "route-wrong", nats, note)
        elif wanted and host not in wanted and len(set(wanted)) == 1:
            yield Symptom(wanted[0], "route-wrong", COMPARED, f"the route {route} leads to {host}, not to {wanted[0]}")


def _like(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _words(name: str) -> list[str]:
    return [each for each in re.split(r"[-_. ]+", name.lower()) if each]


def _host(uri: str) -> str:
    """Return the host of `lb://${CART_HOST:cart}` or `http://cart:80`."""
    plain = re.sub(r"\$\{[^:}]*:?([^}]*)\}", r"\1", uri)
    match = re.match(r"[a-z][a-z0-9+.-]*://([A-Za-z0-9-]+)", plain)
    return match[1] if match else ""


def policies(cluster: Cluster) -> Iterator[Symptom]:
    """Yield workloads whose network a policy closes altogether: often wanted, so it says little by itself."""
    for name, policy in cluster.policies.items():
        selector = dict(each.split("=", 1) for each in policy.get("selector", "").split(",") if "=" in each)
        closed = policy.get("allows nothing", "")
        for its in cluster.workloads.values():
            if closed and selector and its.holds(selector):
                yield Symptom(
                    its.name, "policy-closed", POSSIBLE - 0.5, f"{name} allows no {closed.lower()} of {its.name}"
                )
