"""Client classes of code's own, in ten languages: who uses their object is a client of what it was told."""

import pytest

from scanners.source.nouns import Module, unwatched
from scanners.source.readers import READERS, suffix_of

PYTHON = {
    "lib/peers.py": """
import requests
class LedgerClient:
    def __init__(self, base, wait):
        self.base, self._wait = base.rstrip("/"), wait
    def rates(self):
        return self._ask("/rates")
    def _ask(self, path):
        return requests.get(self._url(path), timeout=self._wait)
    def _url(self, path):
        return self.base + path
class Sub(LedgerClient):
    pass
class Label:
    def __init__(self, base): self.base = base
    def text(self): return self.base
""",
    "pay/config.py": """
import os
from lib.peers import Sub
def ledger():
    return Sub(os.environ["LEDGER_URL"], float(os.environ["LEDGER_WAIT_S"]))
def size():
    return int(os.environ["PAGE_SIZE"])
""",
    "pay/app.py": """
import os
from lib.peers import Label, LedgerClient
from . import config
held = LedgerClient(os.environ["HELD_URL"], 1)
label = Label(os.environ["PUBLIC_URL"])
def charge():
    total = config.ledger().rates()
    return requests_made(total)
def book():
    return held.rates()
def shown():
    return label.text()
def cached(cache):
    return cache().get(f"page:{config.size()}"), cache().get("cart:7070")
""",
}
JAVASCRIPT = {
    "lib/peers.js": """
class LedgerClient {
  constructor(base, wait) { this.base = base; this.wait = wait; }
  rates() { return this.ask('/rates'); }
  ask(path) { return fetch(this.base + path); }
}
class Label { constructor(base) { this.base = base; } text() { return this.base; } }
""",
    "pay/config.js": "function ledger() { return new LedgerClient(process.env.LEDGER_URL, process.env.LEDGER_S); }\n",
    "pay/app.js": """
const held = new LedgerClient(process.env.HELD_URL, 1);
const label = new Label(process.env.PUBLIC_URL);
function charge() { return config.ledger().rates(); }
function book() { return held.rates(); }
function shown() { return label.text(); }
function cached() { return cache.get(`page:${process.env.PAGE_SIZE}`) + cache.get('cart:7070'); }
""",
}
JAVA = {
    "lib/LedgerClient.java": """
class LedgerClient {
  private final String base;
  LedgerClient(String base, int wait) { this.base = base; this.wait = wait; }
  String rates() { return ask("/rates"); }
  private String ask(String path) { return http.send(URI.create(base + path)); }
}
class Label { String base; Label(String base) { this.base = base; } String text() { return base; } }
""",
    "pay/Config.java": """
class Config {
  static LedgerClient ledger() { return new LedgerClient(System.getenv("LEDGER_URL"), 1); }
}
""",
    "pay/App.java": """
class App {
  private final LedgerClient held = new LedgerClient(System.getenv("HELD_URL"), 1);
  private final Label label = new Label(System.getenv("PUBLIC_URL"));
  String charge() { return Config.ledger().rates(); }
  String book() { return held.rates(); }
  String shown() { return label.text(); }
  String cached() { return cache.get("page:" + System.getenv("PAGE_SIZE")) + cache.get("cart:7070"); }
}
""",
}
KOTLIN = {
    "lib/Ledger.kt": """
class LedgerClient(private val base: String, val wait: Int) {
  fun rates() = ask("/rates")
  private fun ask(path: String) = URL(base + path).readText()
}
class Label(val base: String) { fun text() = base }
""",
    "pay/Config.kt": 'object Config { fun ledger() = LedgerClient(System.getenv("LEDGER_URL"), 1) }\n',
    "pay/App.kt": """
val held = LedgerClient(System.getenv("HELD_URL"), 1)
val label = Label(System.getenv("PUBLIC_URL"))
fun charge() = Config.ledger().rates()
fun book(): String { return held.rates() }
fun shown() = label.text()
fun cached() = cache.get("page:" + System.getenv("PAGE_SIZE")) + cache.get("cart:7070")
""",
}
GO = {
    "lib/ledger.go": """
package lib
type LedgerClient struct { base string }
func NewLedgerClient(base string, wait int) *LedgerClient { return &LedgerClient{base: base, wait: wait} }
func (l *LedgerClient) Rates() string { return l.ask("/rates") }
func (l *LedgerClient) ask(path string) string { r, _ := http.Get(l.base + path); return r }
type Label struct { base string }
func NewLabel(base string) *Label { return &Label{base: base} }
func (l *Label) Text() string { return l.base }
""",
    "config/config.go": """
package config
func Ledger() *lib.LedgerClient { return lib.NewLedgerClient(os.Getenv("LEDGER_URL"), 1) }
""",
    "pay/app.go": """
package pay
var held = lib.NewLedgerClient(os.Getenv("HELD_URL"), 1)
var label = lib.NewLabel(os.Getenv("PUBLIC_URL"))
func charge() string { return config.Ledger().Rates() }
func book() string { return held.Rates() }
func shown() string { return label.Text() }
func cached() string { return cache.Get("page:" + os.Getenv("PAGE_SIZE")) + cache.Get("cart:7070") }
""",
}
CSHARP = {
    "lib/Ledger.cs": """
class LedgerClient {
  private readonly string _base;
  public LedgerClient(string url, int wait) { _base = url; _wait = wait; }
  public string Rates() => Ask("/rates");
  string Ask(string path) { return _http.GetStringAsync(_base + path).Result; }
}
class Label { string _base; public Label(string url) { _base = url; } public string Text() => _base; }
""",
    "pay/Config.cs": """
static class Config {
  public static LedgerClient Ledger() => new LedgerClient(Environment.GetEnvironmentVariable("LEDGER_URL"), 1);
}
""",
    "pay/App.cs": """
class App {
  LedgerClient _held = new LedgerClient(Environment.GetEnvironmentVariable("HELD_URL"), 1);
  Label _label = new Label(Environment.GetEnvironmentVariable("PUBLIC_URL"));
  string charge() => Config.Ledger().Rates();
  string book() { return _held.Rates(); }
  string shown() => _label.Text();
  string cached() => cache.Get("page:" + Environment.GetEnvironmentVariable("PAGE_SIZE")) + cache.Get("cart:7070");
}
""",
}
RUBY = {
    "lib/ledger.rb": """
class LedgerClient
  def initialize(base, wait)
    @base = base
    @wait = wait
  end
  def rates
    ask("/rates")
  end
  def ask(path)
    Net::HTTP.get(URI(@base + path))
  end
end
class Label
  def initialize(base)
    @base = base
  end
  def text
    @base
  end
end
""",
    "pay/config.rb": """
module Config
  def self.ledger
    LedgerClient.new(ENV["LEDGER_URL"], 1)
  end
end
""",
    "pay/app.rb": """
class App
  def initialize
    @held = LedgerClient.new(ENV["HELD_URL"], 1)
    @label = Label.new(ENV["PUBLIC_URL"])
  end
  def charge
    Config.ledger.rates()
  end
  def book
    @held.rates
  end
  def shown
    @label.text
  end
  def cached
    cache.get("page:#{ENV['PAGE_SIZE']}") + cache.get("cart:7070")
  end
end
""",
}
PHP = {
    "lib/Ledger.php": """<?php
class LedgerClient {
  public function __construct(private string $base, private int $wait) {}
  public function rates() { return $this->ask('/rates'); }
  private function ask($path) { return file_get_contents($this->base . $path); }
}
class Label { public function __construct(private string $base) {} public function text() { return $this->base; } }
""",
    "pay/Config.php": """<?php
class Config { public static function ledger() { return new LedgerClient(getenv('LEDGER_URL'), 1); } }
""",
    "pay/app.php": """<?php
class App {
  function __construct() {
    $this->held = new LedgerClient(getenv('HELD_URL'), 1);
    $this->label = new Label(getenv('PUBLIC_URL'));
  }
  function charge() { return Config::ledger()->rates(); }
  function book() { return $this->held->rates(); }
  function shown() { return $this->label->text(); }
  function cached($cache) { return $cache->get('page:' . getenv('PAGE_SIZE')) . $cache->get('cart:7070'); }
}
""",
}
RUST = {
    "lib/ledger.rs": """
impl LedgerClient {
    pub fn new(base: String, wait: u32) -> Self { Self { base, wait } }
    pub async fn rates(&self) -> String { self.ask("/rates").await }
    async fn ask(&self, path: &str) -> String { reqwest::get(format!("{}{}", self.base, path)).await }
}
impl Label {
    pub fn new(base: String) -> Self { Self { base } }
    pub fn text(&self) -> &str { &self.base }
}
""",
    "pay/config.rs": 'pub fn ledger() -> LedgerClient { LedgerClient::new(env::var("LEDGER_URL"), 1) }\n',
    "pay/app.rs": """
fn charge() -> String { config::ledger().rates() }
fn book() -> String { let held = LedgerClient::new(env::var("HELD_URL"), 1); held.rates() }
fn shown() -> String { let label = Label::new(env::var("PUBLIC_URL")); label.text() }
fn cached() -> String { cache.get("page:", env::var("PAGE_SIZE")); cache.get("cart:7070") }
""",
}
CODE = {
    "python": PYTHON, "javascript": JAVASCRIPT,
    "typescript": {name.replace(".js", ".ts"): text for name, text in JAVASCRIPT.items()},
    "java": JAVA, "kotlin": KOTLIN, "go": GO, "csharp": CSHARP, "ruby": RUBY, "php": PHP, "rust": RUST,
}  # fmt: skip


def clients(texts: dict[str, str]) -> set[tuple[str, str]]:
    """Return function and variable or host of every client that the readers find."""
    _, read = READERS[suffix_of(next(iter(texts)))]
    return {
        (symbol.name.rpartition(".")[2], told)
        for _, module in read(texts, unwatched)
        if isinstance(module, Module)
        for symbol in module.symbols
        for client in symbol.clients
        for told in (*client.variables, *(host for host, _ in client.hosts))
    }


@pytest.mark.parametrize("language", CODE)
def test_who_uses_the_object_is_a_client(language: str) -> None:
    """A method of an object that was told a variable is a call of it, whether a name or a function gave the object."""
    found = {(function.lower(), told) for function, told in clients(CODE[language])}

    assert {("charge", "LEDGER_URL"), ("book", "HELD_URL")} <= found


@pytest.mark.parametrize("language", CODE)
def test_what_calls_nobody_is_no_client(language: str) -> None:
    """A class that only keeps an address is no client of it, a time limit is no address, and a cache's key no host."""
    told = {told for _, told in clients(CODE[language])}

    assert told == {"LEDGER_URL", "HELD_URL"}


def test_names_mean_what_their_function_gives_them() -> None:
    """A name of one Python function is not that of another, nor is a parameter the module's name."""
    code = {
        "app.py": """
import os, requests
url = os.environ["SHOP_URL"]
def cart():
    url = os.environ["CART_URL"]
    return requests.get(url)
def pay():
    url, wait = os.environ["PAY_URL"], 3
    return requests.post(url, timeout=wait)
def any_of(url):
    return requests.get(url)
def shop():
    return requests.get(url)
"""
    }

    assert clients(code) == {("cart", "CART_URL"), ("pay", "PAY_URL"), ("shop", "SHOP_URL")}


def test_an_answer_is_no_address() -> None:
    """What one service answers and another is sent makes nobody a client of the first again."""
    code = {
        "app.py": """
import os, requests
tax = requests.Session()
def order():
    rate = requests.get(os.environ["TAX_URL"]).json()
    return requests.post(os.environ["PAY_URL"], json={"rate": rate})
"""
    }

    assert clients(code) == {("order", "TAX_URL"), ("order", "PAY_URL")}
