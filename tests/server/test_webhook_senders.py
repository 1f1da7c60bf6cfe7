"""The other senders' webhooks: each with its own secret, closed without one, nothing kept for a stranger."""

from __future__ import annotations

import hashlib
import hmac
import json
import random

import pytest

SECRET = "a-secret-of-pagerduty-0123456789"


def _body() -> bytes:
    incident = {"id": "PT4KHLK", "title": "Slow", "created_at": "2026-01-31T02:58:00Z"}
    return json.dumps({"event": {"event_type": "incident.triggered", "data": incident}}).encode()


def _signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-PagerDuty-Signature": "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


@pytest.fixture
def post(jp_base_url, http_server_client, backend, hook):
    """Send a body to a sender's webhook; give status, headers and the answer's JSON."""
    hook.secrets["pagerduty"] = SECRET

    async def send(sender: str, body: bytes, headers: dict[str, str]):
        answer = await http_server_client.fetch(
            f"{jp_base_url}workbench/hooks/{sender}", method="POST", body=body, headers=headers, raise_error=False
        )
        return answer.code, answer.headers, json.loads(answer.body or b"{}")

    return send


async def test_a_signed_delivery_is_kept_once(post, backend):
    """With its signature the incident is kept and its link named; sent again, it is the same one."""
    for _ in range(2):
        code, _, said = await post("pagerduty", _body(), _signed(_body()))
        assert (code, said["kept"]) == (200, 1)
    assert list(backend.kept) == [said["alerts"][0]["id"]]


async def test_bad_signatures_keep_nothing(post, backend, hook, jp_serverapp):
    """Fifty wrong proofs, other webhooks' secrets and the server's own token among them: 401, no row."""
    chance, body = random.Random(1), _body()
    right = _signed(body)["X-PagerDuty-Signature"]
    wrong = [_signed(body, each) for each in (hook.secret, jp_serverapp.identity_provider.token, "", SECRET[:-1])]
    wrong += [{}, {"Authorization": f"Bearer {SECRET}"}, {"Authorization": f"Bearer {hook.secret}"}]
    texts = [right[3:], right.upper(), right[:-1], right + "0", "v2" + right[2:], "v1=", "", f"v1={SECRET}"]
    texts += [f"v1={chance.randbytes(32).hex()}" for _ in range(35)]
    wrong += [{"X-PagerDuty-Signature": each} for each in texts]
    assert len(wrong) == 50

    for each in wrong:
        assert (await post("pagerduty", body, each))[0] == 401, each
    assert backend.kept == {}


async def test_without_a_secret_of_its_own_a_sender_is_closed(post, backend, hook):
    """Alertmanager's secret opens no other sender's webhook: 403, and what to set; an unknown sender is 404."""
    code, _, said = await post("opsgenie", _body(), {"Authorization": f"Bearer {hook.secret}"})

    assert (code, "webhook_secrets" in said["next_step"]) == (403, True)
    assert (await post("nobody", _body(), {}))[0] == 404
    assert backend.kept == {}


async def test_who_sends_a_password_only_when_asked_is_asked(post, hook):
    """SNS waits for a 401 with Basic before it sends the password of the subscription's address."""
    hook.secrets["cloudwatch"] = "x" * 20
    code, headers, _ = await post("cloudwatch", b"{}", {})

    assert (code, headers["WWW-Authenticate"].split()[0]) == (401, "Basic")


async def test_an_event_of_no_alert_is_content(post, backend):
    """An acknowledged incident is answered with 200, so that it is not sent again, and keeps nothing."""
    body = json.dumps({"event": {"event_type": "incident.acknowledged", "data": {}}}).encode()

    assert (await post("pagerduty", body, _signed(body)))[0] == 200
    assert backend.kept == {}


async def test_a_large_body_is_refused_here_too(post, backend):
    """More than a megabyte is 413, whatever its signature."""
    body = _body().ljust(1_000_001)

    assert (await post("pagerduty", body, _signed(body)))[0] == 413
    assert backend.kept == {}
