"""The alert webhook: its own secret, a bounded body, alerts kept before 200, and a repeat changes nothing."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import string

import pytest

from ontology.errors import Unavailable

REPLAYS = 1000 if os.environ.get("WORKBENCH_SOAK") else 100


def _payload(*fingerprints: str, status: str = "firing") -> dict[str, object]:
    return {
        "version": "4",
        "status": status,
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": "Slow", "service": "checkout"},
                "annotations": {},
                "startsAt": "2026-01-31T02:58:00Z",
                "fingerprint": each,
            }
            for each in fingerprints
        ],
    }


@pytest.fixture
def post(jp_base_url, http_server_client, backend, hook):
    """Send a body to the webhook; give status and the answer's JSON."""

    async def send(body: object, authorization: str | None = None, **kwargs):
        headers = {"Authorization": f"Bearer {hook.secret}" if authorization is None else authorization}
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await http_server_client.fetch(
            f"{jp_base_url}workbench/hooks/alertmanager",
            method="POST",
            body=text,
            headers={name: value for name, value in headers.items() if value},
            raise_error=False,
            **kwargs,
        )
        return answer.code, json.loads(answer.body or b"{}")

    return send


async def test_alerts_are_kept_and_their_links_named(post, backend, jp_base_url):
    """With the secret, each alert of the payload is kept, and the answer says where each opens."""
    code, said = await post(_payload("0a", "0b"))

    assert code == 200
    assert said["kept"] == len(backend.kept) == 2
    assert [each["open"] for each in said["alerts"]] == [f"{jp_base_url}workbench/open/{one}" for one in backend.kept]
    assert backend.created == []


@pytest.mark.soak
async def test_replays_in_any_order_keep_each_alert_once(post, backend):
    """Replays of ten alerts, firing and resolved, shuffled and 16 at a time, keep exactly ten."""
    deliveries = [_payload(f"{n:02x}", status=state) for n in range(10) for state in ("firing", "resolved")]
    order = [random.Random(n).choice(deliveries) for n in range(REPLAYS)] + deliveries
    gate = asyncio.Semaphore(16)

    async def one(delivery: dict[str, object]) -> int:
        async with gate:
            return (await post(delivery))[0]

    assert set(await asyncio.gather(*(one(each) for each in order))) == {200}
    assert len(backend.kept) == 10


def _bad_credentials(secret: str, token: str) -> list[str]:
    """Return 50 credentials that are not the secret, many of them close to it."""
    chance = random.Random(1)
    near = [secret[:-1], secret + "x", secret[1:], secret.upper(), secret[::-1], secret + "\t" + secret, f'"{secret}"']
    wrong = [*near, token, "", " ", "*", "null", "é" * 10, "x" * 4000]
    wrong += ["".join(chance.choices(string.ascii_letters, k=len(secret))) for _ in range(24)]
    other = [
        secret,
        f"bearer{secret}",
        f"Basic {secret}",
        f"token {secret}",
        f"Bearer: {secret}",
        f"Negotiate {secret}",
    ]
    other += [f"token {token}", "Basic " + base64.b64encode(f"u:{secret}".encode()).decode(), "Bearer", "Bearer ", ""]
    other += [f"Bearer {secret}, Bearer {secret}"]
    return [f"Bearer {each}" for each in wrong] + other


async def test_bad_credentials_keep_nothing(post, backend, hook, jp_serverapp):
    """Fifty wrong credentials, the server's own token among them, get 401 and leave no trace."""
    credentials = _bad_credentials(hook.secret, jp_serverapp.identity_provider.token)
    assert len(credentials) >= 50

    for each in credentials:
        code, said = await post(_payload("0a"), authorization=each.encode("utf-8").decode("latin-1"))
        assert code == 401, each
        assert said["next_step"]
    assert backend.kept == {}


async def test_without_a_secret_the_webhook_is_closed(post, backend, hook):
    """An empty secret is not a secret that matches an empty header: 403, and how to open it."""
    hook.secret = ""
    for authorization in ("", "Bearer", "Bearer ", "Bearer x"):
        code, said = await post(_payload("0a"), authorization=authorization)
        assert code == 403
        assert "WORKBENCH_WEBHOOK_SECRET" in said["next_step"]
    assert backend.kept == {}


async def test_the_secret_opens_nothing_else(http_server_client, jp_base_url, backend, hook):
    """The webhook's secret is no login: the contents API and the alert link refuse it."""
    for path in ("api/contents", "workbench/open/slow-0a-20260131t025800z"):
        answer = await http_server_client.fetch(
            jp_base_url + path,
            headers={"Authorization": f"Bearer {hook.secret}"},
            follow_redirects=False,
            raise_error=False,
        )
        assert answer.code in (302, 403), path


async def test_a_body_over_a_megabyte_is_refused(post, backend):
    """A declared length over 1 MB is 413 before it is read; one just below is read."""
    assert (await post(json.dumps(_payload("0a")).encode().ljust(1_000_000)))[0] == 200
    code, said = await post(b" " * 1_000_001, expect_100_continue=True)

    assert code == 413
    assert "1 MB" in said["problem"]
    assert len(backend.kept) == 1


async def test_a_body_without_a_length_is_bounded_too(http_server_client, jp_base_url, backend, hook):
    """A chunked body that grows past 1 MB is 413 as well."""

    async def produce(write):
        for _ in range(30):
            await write(b" " * 100_000)

    answer = await http_server_client.fetch(
        f"{jp_base_url}workbench/hooks/alertmanager",
        method="POST",
        body_producer=produce,
        headers={"Authorization": f"Bearer {hook.secret}"},
        raise_error=False,
    )
    assert answer.code == 413
    assert backend.kept == {}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 50_000, b'{"alerts": []}', b'{"alerts": [{}]}', b"\xff"])
async def test_a_malformed_body_is_400_with_a_sentence(post, backend, body):
    """What cannot be used is refused once, so that the sender does not repeat it for ever."""
    code, said = await post(body)

    assert code == 400
    assert said["problem"]
    assert said["next_step"]


async def test_a_bad_alert_is_named_and_its_neighbour_kept(post, backend):
    """One alert without a start among two: the other is kept, and the answer names the first."""
    payload = _payload("0a", "0b")
    del payload["alerts"][0]["startsAt"]  # type: ignore[index]

    code, said = await post(payload)

    assert (code, said["kept"], len(said["refused"])) == (200, 1, 1)
    assert said["refused"][0].startswith("Alert 1 of 2")


async def test_what_could_not_be_kept_is_5xx(post, backend):
    """Where the journal refuses, the sender is told to repeat: 503, never 200."""
    backend.refusal = Unavailable("The journal is locked.", next_step="Wait a moment.")

    code, said = await post(_payload("0a"))

    assert (code, said["problem"]) == (503, "The journal is locked.")


async def test_no_other_method_answers(http_server_client, jp_base_url, backend, jp_auth_header):
    """GET on the webhook is 405, whoever asks."""
    answer = await http_server_client.fetch(
        f"{jp_base_url}workbench/hooks/alertmanager", headers=jp_auth_header, raise_error=False
    )
    assert answer.code == 405
