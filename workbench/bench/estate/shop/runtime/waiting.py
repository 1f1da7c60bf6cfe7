"""What a real service would wait for outside (a card network, a renderer), as a wait with a long tail."""

from __future__ import annotations

import math
import random
import time


def wait(median: float, spread: float = 0.3) -> None:
    """Wait about that many seconds: log-normal, as network waits are."""
    time.sleep(random.lognormvariate(math.log(median), spread))  # noise, not a secret
