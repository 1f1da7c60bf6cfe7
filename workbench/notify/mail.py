"""Mail: one thread an incident. Mail cannot be edited, so it is sent again only when the gist changes.

A repeat whose first try may have arrived carries the same Message-ID, by which mail servers and readers that look for
doubles find it.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime
from html import escape
from typing import Literal

from ontology.errors import BadInput, NotAllowed, Unavailable
from workbench.notify.notice import Delivery, Notice, Reason, name

SECONDS = 10.0
"""That a server may stay silent."""
MOST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server and how to speak with it."""

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    context: ssl.SSLContext | None = None
    """Whom to trust; the system's authorities where None."""


class Mail:
    """Tells notices to the same people."""

    def __init__(self, server: Server, sender: str, to: tuple[str, ...]) -> None:
        if server.password and server.security == "none":
            raise BadInput(
                "A mail password would travel in the open.", next_step="Set smtp_security to starttls or tls."
            )
        self.place, self._server, self._from, self._to = f"mail {', '.join(to)}", server, sender, to
        try:
            _message(sender, to)
        except (ValueError, MessageError) as error:
            raise BadInput(
                f"{sender!r} or {', '.join(to)!r} is no mail address.", next_step="Correct mail_from and mail_to."
            ) from error

    def send(self, notice: Notice, delivery: Delivery) -> str:
        """Send what is new, or nothing; return the first mail's Message-ID.

        Raises:
            Unavailable: the server does not take it.
            NotAllowed: the server refuses user, sender or everybody it is sent to.
        """
        if delivery.revision > 1 and not delivery.new:
            return delivery.reference
        mail = self.composed(notice, delivery)
        try:
            self._deliver(mail)
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused) as error:
            raise NotAllowed(
                f"The mail server {self._server.host} refuses ({type(error).__name__}).",
                next_step="Check smtp_user, smtp_password, mail_from and mail_to.",
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(
                f"The mail server {self._server.host} does not take mail ({type(error).__name__}).",
                next_step="Check smtp_host, smtp_port and smtp_security: workbench notify test.",
            ) from error
        return delivery.reference or str(mail["Message-ID"])

    def composed(self, notice: Notice, delivery: Delivery) -> EmailMessage:
        """Return the mail of a revision: text and HTML, in the incident's thread."""
        mail = _message(self._from, self._to)
        mail["Subject"] = f"{'Re: ' if delivery.revision > 1 else ''}[{notice.severity}] {notice.title}"[:MOST_SUBJECT]
        mail["Date"] = localtime()
        mail["Message-ID"] = (
            f"<{name(notice, self.place, delivery.revision)}@{self._from.rpartition('@')[2].strip('> ')}>"
        )
        if delivery.reference:
            mail["In-Reply-To"] = mail["References"] = delivery.reference
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notes in answer
        mail.set_content(text(notice))
        mail.add_alternative(html(notice), subtype="html")
        return mail

    def _deliver(self, mail: EmailMessage) -> None:
        server = self._server
        context = server.context or ssl.create_default_context()
        if server.security == "tls":
            opened: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=context)
        else:
            opened = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
        with opened as smtp:
            if server.security == "starttls":
                smtp.starttls(context=context)  # a server that cannot is an error, never a way around
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(mail, self._from, self._to)


def text(notice: Notice) -> str:
    """Return the mail for a reader without HTML."""
    lines = [notice.headline, "", notice.news]
    if notice.sure:
        lines += [f"  {each}" for each in notice.because]
        lines += ["", "Evidence", *map(_reason_text, notice.evidence)] if notice.evidence else []
    lines += ["", f"Next: {_next(notice)}"] if _next(notice) else []
    lines += ["", *(f"{key}: {url}" for key, url in _links(notice).items())]
    return "\n".join([*lines, "", _foot(notice)]) + "\n"


def html(notice: Notice) -> str:
    """Return the same as HTML: no image, no script, no style from elsewhere."""
    because = "".join(f"<li>{escape(each)}</li>" for each in notice.because)
    evidence = "".join(f"<li>{_reason_html(each)}</li>" for each in notice.evidence)
    links = " · ".join(f'<a href="{escape(url)}">{escape(key)}</a>' for key, url in _links(notice).items())
    return (
        f'<!doctype html><body style="font-family: sans-serif"><h2>{escape(notice.headline)}</h2>'
        f"<p><b>{escape(notice.news)}</b></p>"
        f"{f'<ul>{because}</ul>' if notice.sure else ''}"
        f"{f'<h3>Evidence</h3><ul>{evidence}</ul>' if notice.sure and evidence else ''}"
        f"{f'<p><b>Next</b> {escape(_next(notice))}</p>' if _next(notice) else ''}"
        f"<p>{links}</p><p><small>{escape(_foot(notice))}</small></p></body>"
    )


def _next(notice: Notice) -> str:
    return notice.next_step if notice.sure and notice.state == "firing" else ""


def _reason_text(each: Reason) -> str:
    return f"  {'' if each.speaks_for else 'against: '}{each.note}{f' ({each.link})' if each.link else ''}"


def _reason_html(each: Reason) -> str:
    link = f' <a href="{escape(each.link)}">look</a>' if each.link else ""
    return f"{'' if each.speaks_for else 'against: '}{escape(each.note)}{link}"


def _links(notice: Notice) -> dict[str, str]:
    return {key: url for key, url in {"notebook": notice.notebook, **notice.links}.items() if url}


def _foot(notice: Notice) -> str:
    more = f", {notice.alerts:,} alerts" if notice.alerts > 1 else ""
    return f"fired {notice.fired:%Y-%m-%d %H:%M} UTC{more}, {notice.id}"


def _message(sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Return an empty mail; a line break in a header is a ValueError, so nothing can add a header of its own."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, ", ".join(to)
    for header in ("From", "To"):
        if not mail[header].addresses or not all(each.domain for each in mail[header].addresses):
            raise ValueError(header)
    return mail
