"""Source code: what functions read from their environment, and whom they are clients of."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology.errors import NotFound
from scanners.source.nouns import Module
from scanners.source.python_code import read_python, read_pythons
from scanners.source.scanner import SourceScanner

Write = Callable[[Mapping[str, str]], Path]
Saying = Callable[[Any], set[tuple[str, str, Any]]]

CODE = '''
"""Docs may name http://elsewhere.example.com:1 freely."""
import os, requests
from os import environ as env, getenv
NAME = "CART_URL"
MAIL = os.environ.get("MAIL_URL", "http://mail:25")
TIMEOUT_S = float(os.environ.get("TIMEOUT_S", "2"))

def setting(name):
    return os.environ[name]

class Shop:
    def __init__(self):
        self.cart = os.environ[NAME]
        self.token = getenv("API_TOKEN", "canarytoken")

    async def buy(self):
        requests.post(f"{self.cart}/items", timeout=TIMEOUT_S)
        requests.post(MAIL)
        return env["CURRENCY"], setting("REGION")

def hard():
    return requests.get("http://billing:8080/x"), "http://localhost:9/"
'''


def test_reads_stand_in_their_functions() -> None:
    """Every way to read a variable is found, in the function where it stands, through constants and helpers."""
    found = {(symbol.name, read.name) for symbol in read_python(CODE).symbols for read in symbol.reads}

    assert found == {
        ("", "MAIL_URL"),
        ("", "TIMEOUT_S"),
        ("Shop.__init__", "CART_URL"),
        ("Shop.__init__", "API_TOKEN"),
        ("Shop.buy", "CURRENCY"),
        ("Shop.buy", "REGION"),
    }


def test_clients_lead_to_variables_and_hosts() -> None:
    """A client's address is followed to the variable or the host it comes from, not to its time limit."""
    clients = {
        (symbol.name, client.variables, client.hosts)
        for symbol in read_python(CODE).symbols
        for client in symbol.clients
    }

    assert ("Shop.buy", ("CART_URL",), ()) in clients
    assert ("Shop.buy", ("MAIL_URL",), (("mail", 25),)) in clients
    assert ("hard", (), (("billing", 8080),)) in clients


def test_flags_that_python_asks_for() -> None:
    """A flag is found where its name stands: at the call of OpenFeature, or of a helper that hands the name on."""
    code = (
        "def on(name):\n    return client.get_boolean_value(name, False)\n"
        "def buy():\n    return on('newCheckout'), client.get_string_value(flag_key='theme', default_value='dark')\n"
        "def other():\n    return row.get_string_value('column')\n"
    )
    found = {(symbol.name, flag.name) for symbol in read_python(code).symbols for flag in symbol.flags}

    assert found == {("buy", "newCheckout"), ("buy", "theme")}


def test_hosts_in_prose_do_not_count() -> None:
    """A docstring's address and this machine's own are no hard-coded hosts."""
    hosts = {host.host for symbol in read_python(CODE).symbols for host in symbol.hosts}

    assert hosts == {"mail", "billing"}


def test_code_meets_configuration(estate: Write, said: Saying) -> None:
    """Where a Compose file builds the code, a variable that is read confirms the call; one nobody reads does not."""
    root = estate(
        {
            "compose.yaml": """
services:
  web:
    build: ./web
    environment: {CART_URL: "http://cart:1", IDLE_URL: "http://idle:2"}
  cart: {image: c, ports: [1]}
  idle: {image: i, ports: [2]}
""",
            "web/app.py": "import os\ndef pay():\n    return os.environ['CART_URL']\n",
            "web/bad.py": "def (:\n",
        }
    )
    scan = SourceScanner(root).scan()
    facts = said(scan.facts)

    assert {fact for fact in facts if fact[1] == "calls"} == {("web", "calls", "cart")}
    assert not any("idle" in str(fact[2]) for fact in facts)
    assert ("pay", "readsEnv", "CART_URL") in facts
    assert ("web/app.py", "implements", "web") in facts
    assert [problem.where for problem in scan.problems] == ["web/bad.py:1"]
    assert not scan.complete


def test_no_default_of_a_secret(estate: Write) -> None:
    """The default of a variable whose name says secret is not written down."""
    scan = SourceScanner(estate({"app.py": CODE})).scan()

    assert not any("canary" in str(fact.object) for fact in scan.facts)


def test_hostile_code_is_set_aside(estate: Write) -> None:
    """Code that nests beyond the parser is a problem, and the next file is read."""
    root = estate({"deep.py": "x = " + "(" * 5_000 + ")" * 5_000, "nul.py": "x = '\x00'", "good.py": "def f(): pass\n"})
    scan = SourceScanner(root).scan()

    assert {problem.where.split(":")[0] for problem in scan.problems} == {"deep.py", "nul.py"}
    assert any(fact.object == "f" for fact in scan.facts)


def test_a_folder_without_code(tmp_path: Path) -> None:
    """A folder without code is told in a sentence with what to do."""
    with pytest.raises(NotFound, match="python"):
        SourceScanner(tmp_path).scan()


def test_helpers_and_settings_classes_of_python() -> None:
    """A helper is known in other files, as function or method; settings classes and libraries read what is asked."""
    texts = {
        "env.py": "import os.path\nclass Env:\n  def need(self, name, d=None):\n    return os.environ.get(name, d)\n",
        "app.py": (
            "from env import Env\nfrom decouple import config\n"
            "import environ\nfrom pydantic_settings import BaseSettings\n"
            "env = environ.Env()\nDB = env.db('DB_URL')\nRATE = config('RATE')\n"
            "class Settings(BaseSettings):\n    cart_url: str = 'http://cart:1'\n"
            "    port: int = Field(1, validation_alias='HTTP_PORT')\n    model_config = Config(env_prefix='SHOP_')\n"
            "def buy(e):\n    return e.need('CART_URL'), e.need('lower'), e.need(name='PAY_URL')\n"
        ),
        "wsgi.py": "def app(environ):\n    return environ['PATH_INFO'], environ.get('HTTP_HOST')\n",
    }
    found = {
        (symbol.name, read.name)
        for _, module in read_pythons(texts)
        if isinstance(module, Module)
        for symbol in module.symbols
        for read in symbol.reads
    }

    assert found == {
        ("", "DB_URL"), ("", "RATE"), ("", "SHOP_CART_URL"), ("", "HTTP_PORT"), ("buy", "CART_URL"), ("buy", "PAY_URL"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "text", "names"),
    [
        ("collector.yaml", "exporters:\n  otlp: {endpoint: '${env:COL_URL}'} # ${env:OLD}\n", {"COL_URL"}),
        ("otelcol.yml", "receivers:\nexporters:\n  a: ${BACKEND_URL}\nservice:\n", {"BACKEND_URL"}),
        ("config/database.yml", "url: <%= ENV.fetch('DATABASE_URL') %>\n", {"DATABASE_URL"}),
        ("application-prod.yml", "cart: {url: '${CART_URL:http://cart:1}'}\n", {"CART_URL"}),
        ("application.properties", "cart.url=${CART_URL:http://cart:1}\n# ${OLD}\n", {"CART_URL"}),
        ("services.yaml", "dsn: '%env(resolve:DATABASE_URL)%'\n", {"DATABASE_URL"}),
        ("Caddyfile", "reverse_proxy {$CART_URL:cart:80}\n", {"CART_URL"}),
        ("haproxy.cfg", 'server a "${CART_HOST}":80\n', {"CART_HOST"}),
        ("Dockerfile", 'ENV A=1\nRUN echo $BUILD\nCMD ["sh", "-c", "app --db $DB_URL"]\n', {"DB_URL"}),
        ("compose.yaml", "services: {web: {image: '${IMAGE}'}}\n", set()),
    ],
)
def test_configuration_that_is_filled_from_the_environment(
    file: str, text: str, names: set[str], estate: Write, said: Saying
) -> None:
    """A form that its program fills in counts as a read of the file; any other `$` in YAML says nothing."""
    root = estate({file: text, "app.py": "def f(): pass\n"})
    facts = said(SourceScanner(root).scan().facts)

    assert {(subject, name) for subject, what, name in facts if what == "readsEnv"} == {(file, name) for name in names}
