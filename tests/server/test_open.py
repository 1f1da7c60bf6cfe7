"""The alert link: GET shows and changes nothing, POST with the server's token creates, hostile names get 400."""

from __future__ import annotations

import html
import re
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from ontology.errors import Unavailable
from ontology.nouns import Alert, Window
from workbench.server.backend import Desk
from workbench.server.routes import add_routes

ALERT = Alert(
    "slow-0af1-20260131t025800z",
    'Slow <script>"x"</script>',
    Window.of("2026-01-31T02:53:00Z", "2026-01-31T02:58:00Z"),
    severity="critical",
    summary="checkout p99 2.4 s & rising",
    labels={"service": "checkout", "namespace": "shop", "alertname": "Slow"},
    links={"runbook": "https://runbooks.example/checkout"},
)
PATH = f"workbench/open/{ALERT.id}"


@pytest.fixture
def ask(jp_serverapp, jp_base_url, http_server_client, backend):
    """Send a request as a browser would, with or without a login; give the response, whatever its status."""
    backend.kept[ALERT.id] = ALERT

    async def fetch(path: str, *, cookie: str = "", raw: bool = False, **kwargs):
        headers = {"Cookie": cookie, **kwargs.pop("headers", {})} if cookie else kwargs.pop("headers", {})
        url = path if raw else jp_base_url + path
        return await http_server_client.fetch(
            url, headers=headers, follow_redirects=False, raise_error=False, allow_nonstandard_methods=True, **kwargs
        )

    return fetch


@pytest.fixture
def log_in(ask, jp_serverapp):
    """Return the cookies of a browser that has logged in and seen the page, and the page's XSRF token."""

    async def cookies() -> tuple[str, str]:
        token = jp_serverapp.identity_provider.token
        answer = await ask(f"{PATH}?token={token}")
        jar = SimpleCookie()
        for line in answer.headers.get_list("Set-Cookie"):
            jar.load(line)
        pairs = "; ".join(f"{name}={each.value}" for name, each in jar.items())
        found = re.search(r'name="_xsrf" value="([^"]+)"', answer.body.decode())
        assert found is not None
        return pairs, found[1]

    return cookies


async def test_without_a_login_the_link_leads_to_it_and_back(ask, jp_base_url):
    """A stranger is sent to the login page, which knows where to return."""
    answer = await ask(PATH)

    assert answer.code == 302
    there = urlsplit(answer.headers["Location"])
    assert there.path.endswith("/login")
    assert parse_qs(there.query)["next"] == [jp_base_url + PATH]


async def test_the_page_shows_the_alert_and_one_button(ask, log_in, backend):
    """A known alert without a notebook: its facts, escaped, a link and a POST form; no script, nothing foreign."""
    cookie, _ = await log_in()
    answer = await ask(PATH, cookie=cookie)
    page = answer.body.decode()

    assert answer.code == 200
    for fact in (ALERT.title, ALERT.summary, "checkout", "2026-01-31 02:58:00 UTC", ALERT.links["runbook"]):
        assert html.escape(fact, quote=False) in page.replace("&#34;", '"'), fact
    assert "<script" not in page
    assert page.count('<form method="post"') == page.count("<button") == 1
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert backend.created == []


async def test_the_button_creates_once_and_leads_to_a_workspace_of_its_own(ask, log_in, backend, jp_base_url):
    """POST with cookie and token makes the notebook, a second press finds it, and GET leads there too."""
    cookie, token = await log_in()
    lab = f"{jp_base_url}lab/workspaces/{ALERT.id}/tree/{ALERT.id}.ipynb"

    answers = [await ask(PATH, cookie=cookie, method="POST", body=f"_xsrf={quote(token)}") for _ in range(2)]
    answers.append(await ask(PATH, cookie=cookie))

    assert [each.code for each in answers] == [303, 303, 302]
    assert {each.headers["Location"] for each in answers} == {lab}
    assert backend.created == [ALERT.id]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("referer", ["same", "foreign", "none"])
@pytest.mark.parametrize("logged_in", [True, False])
async def test_no_request_without_the_token_creates(ask, log_in, backend, jp_http_port, method, referer, logged_in):
    """Of 18 mixes of login, Referer and method, none makes a notebook and none breaks the server."""
    cookie, _ = await log_in()
    address = {"same": f"http://127.0.0.1:{jp_http_port}/", "foreign": "https://evil.example/"}.get(referer)
    headers = {"Referer": address, "Origin": address.rstrip("/")} if address else {}

    answer = await ask(
        PATH, cookie=cookie if logged_in else "", headers=headers, method=method, body="" if method == "POST" else None
    )

    assert answer.code < 500
    assert backend.created == []
    if method == "POST":
        assert answer.code in (403, 404)


async def test_a_foreign_page_cannot_create_even_with_the_server_token(ask, jp_serverapp, backend):
    """The token in the address does not open the door to a foreign Origin."""
    token = jp_serverapp.identity_provider.token
    answer = await ask(f"{PATH}?token={token}", method="POST", body="", headers={"Origin": "https://evil.example"})

    assert answer.code == 403
    assert backend.created == []


async def test_an_unknown_alert_is_a_page_with_a_next_step(ask, log_in):
    """A well-formed id that nobody kept is 404 and says what to do."""
    cookie, _ = await log_in()
    answer = await ask("workbench/open/other-0af1-20260131t025800z", cookie=cookie)

    assert answer.code == 404
    assert b"not known here" in answer.body
    assert b"docs/alert-link.md" in answer.body


NAMES = [
    "",
    ".",
    "..",
    "../x",
    "../../etc/passwd",
    "..%2fx",
    "%2e%2e/x",
    "%2e%2e%2fx",
    "%252e%252e%252fx",
    "..%5cx",
    "..\\x",
    "%5c%5chost%5cshare",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "C:%5cx",
    "con.txt",
    "nul%00",
    "%00",
    "a%00b",
    "a%0ab",
    "a%0d%0aSet-Cookie:x=1",
    "%0d%0a",
    "x" * 81,
    "x" * 300,
    "x" * 5000,
    "%e2%80%aetxt",
    "%ef%bc%8e%ef%bc%8e%ef%bc%8f",
    "%c0%ae%c0%ae%c0%af",
    "%ff",
    "%ed%a0%80",
    "A",
    "Slow-0af1",
    "a_b",
    "a.b",
    "a.ipynb",
    "-rf",
    "~root",
    "$HOME",
    "%60id%60",
    "a;b",
    "a|b",
    "*",
    "a%3fb",
    "%5ba%5d",
    "a b".replace(" ", "%20"),
    "%20",
    "%c3%a9",
    "%e8%ad%a6",
    "<script>".replace("<", "%3c").replace(">", "%3e"),
    "{{7*7}}",
    "a%25b",
    "....//x",
    "..;/x",
    f"{ALERT.id}/../x",
    f"{ALERT.id}%2f..%2fx",
    f"{ALERT.id}/",
    f"{ALERT.id}%0a",
]


async def test_a_hostile_name_is_refused_and_touches_nothing(ask, log_in, backend, jp_root_dir):
    """Every name that is not an id is answered with 4xx (400 by us), on GET and POST, and no file appears."""
    cookie, token = await log_in()
    for name in NAMES:
        for method, body in (("GET", None), ("POST", f"_xsrf={quote(token)}")):
            answer = await ask(f"workbench/open/{name}", cookie=cookie, method=method, body=body)
            assert answer.code == 400, (name, method, answer.code)
            assert "Set-Cookie" not in answer.headers or "x=1" not in answer.headers["Set-Cookie"]
    assert backend.created == []
    assert list(Path(jp_root_dir).rglob("*.ipynb")) == []
    assert not (Path(jp_root_dir).parent / "x").exists()


async def test_a_backend_that_cannot_answer_is_a_page(ask, log_in, backend):
    """What the backend refuses reaches the person as two sentences and 503, without a traceback."""
    cookie, _ = await log_in()
    backend.refusal = Unavailable("The journal <db> is locked.", next_step="Wait a moment.")

    answer = await ask(PATH, cookie=cookie)

    assert answer.code == 503
    assert b"The journal &lt;db&gt; is locked." in answer.body
    assert b"Wait a moment." in answer.body
    assert b"Traceback" not in answer.body


async def test_a_notebook_outside_the_servers_folder_is_said(jp_serverapp, jp_root_dir, backend, ask, log_in, tmp_path):
    """Where this server cannot show the notebook, the page says how to start one that can."""
    cookie, token = await log_in()
    backend.folder = tmp_path

    answer = await ask(PATH, cookie=cookie, method="POST", body=f"_xsrf={quote(token)}")

    assert answer.code == 503
    assert b"workbench lab" in answer.body


async def test_health_is_known_without_a_login(ask, backend, jp_serverapp, jp_root_dir, graph):
    """A probe sees 200 where the desk opens and 503 where it does not, and learns nothing else."""
    assert (await ask("workbench/healthz")).body == b'{"status": "ok"}'

    def broken():
        raise Unavailable("No journal.", next_step="Mend it.")

    jp_serverapp.web_app.default_router.rules.clear()
    jp_serverapp.web_app.wildcard_router.rules.clear()
    add_routes(jp_serverapp.web_app, Desk(broken, str, Path(jp_root_dir)), graph)
    answer = await ask("workbench/healthz")
    assert answer.code == 503
    assert b"journal" not in answer.body
