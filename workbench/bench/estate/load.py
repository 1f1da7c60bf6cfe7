"""The shop's users, a closed loop: `python load.py URL SEED PLAN`, then a number on its input: how many there are.

Each waits for its reply, thinks, goes on. `PLAN` is a JSON file: what they ask for, as `x-users` of the compose file
says. `{product}`, `{user}`, `{number}` and `{cents}` in it are filled in by chance; two in a hundred users' products do
not exist, so that there are always some replies that say so.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import random
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

THINK = 0.45
"""Seconds that a user thinks, in the mean; it swings by a fifth within a minute, as a day does within a day."""
TIMEOUT = 8.0
PRODUCTS = 240


def filled(text: str, words: dict[str, str]) -> str:
    """Return a text of the plan with the words in.

    >>> filled("/products/{product}", {"product": "p3"})
    '/products/p3'
    """
    for name, word in words.items():
        text = text.replace("{" + name + "}", word)
    return text


def request(base: str, plan: list[dict[str, Any]], dice: random.Random, user: int) -> urllib.request.Request:
    """Choose what a user does next."""
    chosen = dice.choices(plan, [float(each.get("weight", 1)) for each in plan])[0]
    product = f"p{dice.randrange(PRODUCTS)}" if dice.random() > 0.02 else "p99999"
    words = {"product": product, "user": f"u{user}", "number": str(dice.randint(1, 3))}
    words["cents"] = str(dice.randint(500, 9000))
    data = None
    if chosen.get("json") is not None:
        said = json.loads(filled(json.dumps(chosen["json"]), words))
        data = json.dumps({key: int(one) if _count(one) else one for key, one in said.items()}).encode()
    headers = {"Content-Type": "application/json", **{key: filled(str(one), words) for key, one in
               (chosen.get("headers") or {}).items()}}  # fmt: skip
    address = base + filled(str(chosen["path"]), words)
    return urllib.request.Request(address, data, headers, method=chosen.get("method", "GET"))  # noqa: S310  # loopback


def _count(value: Any) -> bool:
    return isinstance(value, str) and value.isdigit()


class Users:
    """As many threads as there are users."""

    def __init__(self, base: str, seed: int, plan: list[dict[str, Any]]) -> None:
        self.base, self.seed, self.plan = base, seed, plan
        self.wanted = 0
        self._threads: list[threading.Thread] = []

    def become(self, count: int) -> None:
        """Let users in, or let the last ones go after what they do."""
        self.wanted = count
        self._threads = [each for each in self._threads if each.is_alive()]
        held = {int(each.name) for each in self._threads}
        for number in sorted(set(range(count)) - held):
            self._threads.append(threading.Thread(target=self._go, args=(number,), name=str(number), daemon=True))
            self._threads[-1].start()

    def _go(self, number: int) -> None:
        """Be one user, as long as there are more than its number; an error page is no reason to leave."""
        dice = random.Random(self.seed * 1000 + number)  # noqa: S311  # chance, no secret
        time.sleep(dice.uniform(0, THINK))
        while number < self.wanted:
            wanted = request(self.base, self.plan, dice, number)
            with (
                contextlib.suppress(OSError, http.client.HTTPException),
                urllib.request.urlopen(wanted, timeout=TIMEOUT) as reply,  # noqa: S310  # loopback
            ):
                reply.read()
            swing = 1.0 + 0.2 * math.sin(2 * math.pi * time.time() / 60)
            time.sleep(dice.expovariate(1 / (THINK * swing)))


def main() -> None:
    """Be as many users as the last line says, until the lines end."""
    users = Users(sys.argv[1], int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()))
    threading.stack_size(2**18)
    for line in sys.stdin:
        users.become(int(line))
        sys.stdout.write("ok\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
