"""Slack, mail and a webhook over real sockets: told once, edited after that, tried again, and nothing injected."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from ontology.errors import BadInput, NotAllowed, Unavailable
from workbench.notify import Delivery, LaterError, Notice, Reason
from workbench.notify.blocks import MOST_TEXT, blocks
from workbench.notify.mail import Mail, Server, html
from workbench.notify.slack import Slack
from workbench.notify.transport import PostOnly
from workbench.notify.webhook import Webhook
from workbench.testing.receivers import MailServer, Receiver, Reply, SlackServer, refused

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOTICE = Notice(
    "slow-0af1-20260101t120000z",
    "CheckoutSlow",
    "critical",
    NOW,
    claim="payment is slow",
    suspect="payment",
    failure_mode="latency",
    confidence=0.91,
    because=("0.91 of such findings were right",),
    evidence=(Reason("p99 of payment x11 since 11:53", link="https://grafana.example/d/1?a=1&b=2"),),
    next_step="Look at the release of 11:50",
    notebook="https://lab.example/workbench/open/slow-0af1-20260101t120000z",
    links={"runbook": "https://wiki.example/slow"},
)
RESOLVED = replace(NOTICE, resolved=NOW + timedelta(hours=1))
SURER = replace(NOTICE, confidence=0.97)
HOSTILE = (
    "<!channel> wake up",
    "<!here|x> <@U123> <#C1|general>",
    "<https://evil.example|your bank>",
    "&lt;!everyone&gt;",
    "</b><script>alert(1)</script><img src=https://evil.example/x>",
    "*bold* `code` ~x~ :rotating_light:",
    "x" * 9000,
)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


def _slack(server: SlackServer) -> Slack:
    return Slack("C1", server.token, server.url)


def test_a_change_edits_the_message_and_another_gist_is_a_reply_in_its_thread(slack: SlackServer) -> None:
    """Three tellings are one message in the channel, twice edited, with one reply; links are never unfurled."""
    told = _slack(slack)

    reference = told.send(NOTICE, Delivery(1))
    told.send(SURER, Delivery(2, reference, new=False))
    told.send(RESOLVED, Delivery(3, reference))

    (message,) = slack.threads
    (reply,) = [each for each in slack.messages.values() if each.get("thread_ts") == reference.partition("/")[2]]
    assert message["edits"] == 2
    assert "over since 2026-01-01 13:00" in json.dumps(message["blocks"])
    assert reply["blocks"][0]["text"]["text"].startswith("Resolved at 13:00 UTC")
    assert {post.said.get("unfurl_links", False) for post in slack.posts} == {False}


def test_buttons_only_lead_back(slack: SlackServer) -> None:
    """Every element that can be pressed is a link, to the notebook first; nothing asks Slack to call us."""
    _slack(slack).send(NOTICE, Delivery(1))

    (actions,) = [each for each in slack.threads[0]["blocks"] if each["type"] == "actions"]
    assert [each["url"] for each in actions["elements"]] == [NOTICE.notebook, NOTICE.links["runbook"]]
    assert {each["type"] for each in actions["elements"]} == {"button"}


def test_a_repeat_after_a_death_is_the_same_message_and_says_what_is_so_now(slack: SlackServer) -> None:
    """The first post arrived and was never noted: the second is the first, edited."""
    _slack(slack).send(NOTICE, Delivery(1))

    reference = _slack(slack).send(SURER, Delivery(1, again=True))

    (message,) = slack.threads
    assert reference == "C1/1700000000.000001"
    assert "0.97" in message["text"]


def test_a_message_that_a_person_deleted_stays_deleted(slack: SlackServer) -> None:
    """An edit of what is gone is no failure, and no new message."""
    reference = _slack(slack).send(NOTICE, Delivery(1))
    slack.messages.clear()

    assert _slack(slack).send(RESOLVED, Delivery(2, reference)) == reference
    assert not slack.messages


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_is_text_everywhere(slack: SlackServer, text: str) -> None:
    """Slack gets no mention, no link and no block that is too long; HTML gets no tag."""
    notice = replace(
        NOTICE, title=text[:140], claim=text, suspect=text, because=(text,) * 5, evidence=(Reason(text),) * 4, links={}
    )
    _slack(slack).send(notice, Delivery(1))
    said = [each["text"]["text"] for each in slack.threads[0]["blocks"] if each["type"] == "section"]

    assert not refused(slack.threads[0]["blocks"])
    assert all(len(each) <= MOST_TEXT and "<" not in each and ">" not in each for each in said)
    assert all(each["text"]["verbatim"] for each in slack.threads[0]["blocks"] if each["type"] == "section")
    assert "<script" not in html(notice)
    assert "<img" not in html(notice)


def test_a_wrong_token_or_channel_is_said_with_what_mends_it(slack: SlackServer) -> None:
    """The sentence names the setting."""
    with pytest.raises(NotAllowed, match="slack_token"):
        Slack("C1", "xoxb-other", slack.url).send(NOTICE, Delivery(1))
    with pytest.raises(NotAllowed, match="slack_channel"):
        Slack("C2", slack.token, slack.url).send(NOTICE, Delivery(1))


def test_too_many_requests_and_a_restart_are_waited_for() -> None:
    """429 with a number and 503 are tried again after what was asked; a rest too long is handed up, with its length."""
    waits: list[float] = []
    with Receiver() as server:
        post = PostOnly(server.url, ("/hook",), sleep=waits.append)
        server.next = [Reply(429, headers={"Retry-After": "7"}), Reply(503)]
        assert post("/hook", b"{}", {}).status == 200
        assert waits == [7.0, 1.0]

        server.next = [Reply(429, headers={"Retry-After": "900"})]
        with pytest.raises(LaterError) as later:
            post("/hook", b"{}", {})
        server.next = [Reply(503)] * 3
        with pytest.raises(LaterError, match="503"):
            post("/hook", b"{}", {})

    assert later.value.seconds == 900.0
    assert len(server.posts) == 7


def test_a_redirect_is_refused_and_only_listed_paths_are_posted_to() -> None:
    """Nothing reaches the other host, whatever the status; a path off the list is not sent at all."""
    with Receiver() as server, Receiver() as elsewhere:
        post = PostOnly(server.url, ("/hook",))
        for status in (301, 302, 303, 307, 308):
            server.next = [Reply(status, headers={"Location": elsewhere.url})]
            with pytest.raises(NotAllowed, match="redirect"):
                post("/hook", b"{}", {})
        for path in ("/api/chat.delete", "/hook/../x", elsewhere.url, "//evil.example/hook"):
            with pytest.raises(NotAllowed, match="Nothing is posted"):
                post(path, b"{}", {})

        assert len(server.posts) == 5
        assert not elsewhere.posts


def test_whoever_listens_at_a_webhook_can_check_who_says_it_and_drop_what_came_twice() -> None:
    """The same revision has the same body and key, the next one the same id; the signature is over time and body."""
    with Receiver() as server:
        told = Webhook(server.url, "secret", now=lambda: 1_700_000_000)
        told.send(NOTICE, Delivery(1))
        told.send(NOTICE, Delivery(1, again=True))
        told.send(RESOLVED, Delivery(2, NOTICE.id))
        first, again, resolved = server.posts
        server.next = [Reply(403)]
        with pytest.raises(Unavailable, match="403"):
            told.send(NOTICE, Delivery(1))

    assert first.path == "/hook?team=1"
    assert (first.body, first.headers["Idempotency-Key"]) == (again.body, again.headers["Idempotency-Key"])
    assert resolved.headers["Idempotency-Key"] != first.headers["Idempotency-Key"]
    assert (first.said["id"], first.said["revision"], resolved.said["revision"]) == (NOTICE.id, 1, 2)
    assert resolved.said["id"] == NOTICE.id
    assert resolved.said["state"] == "resolved"
    proof = hmac.new(b"secret", b"1700000000." + first.body, hashlib.sha256).hexdigest()
    assert first.headers["X-Workbench-Signature"] == f"sha256={proof}"


def _mail(server: MailServer, **more: object) -> Mail:
    how = Server("127.0.0.1", server.port, "none", **more)  # type: ignore[arg-type]  # a test's own
    return Mail(how, "Workbench <bench@example.org>", ("oncall@example.org", "ops@example.org"))


def _html(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_mails_of_an_incident_are_one_thread_and_a_number_that_moved_is_no_mail() -> None:
    """The end answers the first; what is only surer is no mail; a repeat has the same id."""
    with MailServer() as server:
        told = _mail(server)
        reference = told.send(NOTICE, Delivery(1))
        assert told.send(SURER, Delivery(2, reference, new=False)) == reference
        assert told.send(RESOLVED, Delivery(3, reference)) == reference
        told.send(NOTICE, Delivery(1, again=True))
        first, over, again = server.mails

    assert first["Message-ID"] == reference == again["Message-ID"]
    assert (over["In-Reply-To"], over["References"]) == (reference, reference)
    assert over["Subject"] == "Re: [critical] CheckoutSlow"
    assert NOTICE.notebook in _html(first)
    assert [each["To"].addresses[0].addr_spec for each in server.mails] == ["oncall@example.org"] * 3


def test_a_mail_that_is_refused_or_a_header_with_a_line_break_is_an_error() -> None:
    """451 is said as unavailable; a line break adds no recipient; an address that is none fails at start."""
    with MailServer() as server:
        server.next = ["451 later"]
        with pytest.raises(Unavailable, match="does not take mail"):
            _mail(server).send(NOTICE, Delivery(1))
        with pytest.raises(ValueError, match="linefeed"):
            _mail(server).send(replace(NOTICE, title="x\r\nBcc: eve@evil.example"), Delivery(1))
        with pytest.raises(BadInput, match="no mail address"):
            Mail(Server("127.0.0.1", server.port), "bench@example.org\r\nBcc: eve@evil.example", ("a@example.org",))
        with pytest.raises(BadInput, match="in the open"):
            _mail(server, user="u", password="p")
        assert not server.mails


def test_starttls_is_used_and_a_server_that_cannot_is_refused(certificate: tuple[Path, Path]) -> None:
    """With the certificate trusted the mail arrives; untrusted, or without STARTTLS, it is never sent in the open."""
    offered, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=certificate[0])
    offered.load_cert_chain(*certificate)
    sender, to = "bench@example.org", ("oncall@example.org",)

    with MailServer(offered) as server, MailServer() as plain:
        Mail(Server("localhost", server.port, context=trusting), sender, to).send(NOTICE, Delivery(1))
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            Mail(Server("localhost", server.port), sender, to).send(NOTICE, Delivery(1))
        with pytest.raises(Unavailable, match="SMTPNotSupportedError"):
            Mail(Server("localhost", plain.port), sender, to).send(NOTICE, Delivery(1))

    assert (len(server.mails), len(plain.mails)) == (1, 0)


def test_a_server_with_a_certificate_that_nobody_trusts_is_posted_nothing(certificate: tuple[Path, Path]) -> None:
    """The connection ends before a byte of the message."""
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(*certificate)

    with Receiver(offered) as server, pytest.raises(Unavailable, match="SSLError"):
        Webhook(server.url).send(NOTICE, Delivery(1))

    assert not server.posts


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost that nobody but this test trusts, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*pem, plain))
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_the_message_of_an_incident_without_a_cause_any_more_says_so() -> None:
    """What was told is taken back in the same place, without the evidence's confidence as a claim."""
    first = blocks(replace(NOTICE, sure=False))[1]

    assert first["text"]["text"].startswith("No cause is likely enough to act on any more")
