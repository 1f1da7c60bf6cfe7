"""Checks of the order service, run by its own build."""

import os

from orders import settings


def check_required_tells_the_name() -> None:
    """A missing variable is named."""
    os.environ.pop("NO_SUCH_VARIABLE", None)
    told = ""
    try:
        settings.required("NO_SUCH_" + "VARIABLE")
    except RuntimeError as error:
        told = str(error)
    assert "NO_SUCH_VARIABLE" in told
