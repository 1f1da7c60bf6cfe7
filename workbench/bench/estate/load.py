"""The shop's users, a closed loop: `python load.py URL USERS SEED`. Each waits for its reply, thinks, goes on."""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import random
import signal
import sys
import threading
import time
import urllib.request

THINK = 0.45
"""Seconds that a user thinks, in the mean; it swings by a fifth within a minute, as a day does within a day."""
TIMEOUT = 8.0


def browse(dice: random.Random, product: str) -> tuple[str, dict[str, object] | None]:
    """Choose what to do next: path, and body of a POST."""
    turn = dice.random()
    if turn < 0.33:
        return "/products", None
    if turn < 0.55:
        return f"/products/{product}", None
    return "/orders", {"product": product, "count": dice.randint(1, 3), "cents": dice.randint(500, 9000)}


def user(url: str, seed: int) -> None:
    """Be one user, without end; an error page is no reason to leave."""
    dice = random.Random(seed)  # noqa: S311  # noise
    while True:
        product = f"p{dice.randrange(240)}" if dice.random() > 0.01 else "p999"
        path, body = browse(dice, product if dice.random() > 0.004 else "p998")
        if body and product == "p999":
            path, body = "/products/p999", None
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})  # noqa: S310
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=TIMEOUT) as reply:  # noqa: S310
            reply.read()
        swing = 1.0 + 0.2 * math.sin(2 * math.pi * time.time() / 60)
        time.sleep(dice.expovariate(1 / (THINK * swing)))


def main() -> None:
    """Start the users."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    url, users, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    threads = [threading.Thread(target=user, args=(url, seed * 1000 + n), daemon=True) for n in range(users)]
    for each in threads:
        each.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
