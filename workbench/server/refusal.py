"""How a refusal looks from outside: the status of each error, and its two sentences."""

from __future__ import annotations

from types import TracebackType

from tornado.web import HTTPError

from ontology.errors import BadInput, NotAllowed, NotFound, PersonError

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_STATUS = ((BadInput, 400), (NotAllowed, 403), (NotFound, 404), (PersonError, 503))
_WORDS = {
    400: ("This address or its content cannot be used.", "Open the link from the alert again."),
    401: ("The secret is missing or wrong.", "Send it as: Authorization: Bearer <webhook secret>."),
    403: ("This request did not come from a page of this server.", "Reload the page and press the button again."),
    404: ("There is nothing at this address.", "Open the link from the alert again."),
    405: ("This address does not answer that kind of request.", "See docs/alert-link.md."),
    413: ("The body is larger than 1 MB.", "Set max_alerts in Alertmanager's webhook_config, such as 100."),
}
_OTHERWISE = ("Something broke in the workbench.", "Look into the server's log, and run: workbench doctor")


def refuse(error: PersonError) -> HTTPError:
    """Turn an error for a person into what tornado understands; raise it `from` that error."""
    status = next(number for kind, number in _STATUS if isinstance(error, kind))
    return HTTPError(status, str(error))


def sentences(status: int, exc_info: ExcInfo | None) -> tuple[str, str]:
    """Return the problem and the next step: the error's own where a person was meant, else those of the status."""
    cause = exc_info[1].__cause__ if exc_info else None
    if isinstance(cause, PersonError):
        return cause.problem, cause.next_step
    return _WORDS.get(status, _OTHERWISE)
