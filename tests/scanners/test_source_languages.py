"""Source code of eleven languages: what functions read, which flags they ask for, and whom they are clients of."""

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from scanners.source.flow_code import read_tree
from scanners.source.languages import BY_SUFFIX, LANGUAGES
from scanners.source.nouns import Module
from scanners.source.scanner import SourceScanner

Write = Callable[[Mapping[str, str]], Path]
Saying = Callable[[Any], set[tuple[str, str, Any]]]

GO = """
package shop

import "os"

// os.Getenv("IN_A_COMMENT")
const region = "REGION"

var mode = os.Getenv("MODE")
var prose = "os.Getenv(\\"IN_A_STRING\\")"

type Config struct {
	Port int `env:"PORT,required" json:"port"`
}

func need(target *string, key string) {
	*target = os.Getenv(key)
}

func getEnvOr(key, otherwise string) string {
	if v, ok := os.LookupEnv(key); ok {
		return v
	}
	return otherwise
}

func dial(addr string) *grpc.ClientConn {
	c, _ := grpc.NewClient(addr)
	return c
}

func (s *Shop) Start() {
	need(&s.cartAddr, "CART_ADDR")
	c := dial(s.cartAddr)
	s.cart = pb.NewCartClient(c)
	c = dial(getEnvOr("PAY_ADDR", "pay:50051"))
	s.pay = pb.NewPayClient(c)
	inner := func() string { return os.Getenv(region) }
	m := map[string]string{}
	m["NOT_ENV"] = getEnvOr(dynamic, "x")
}

func (s *Shop) Buy(ctx context.Context) {
	s.cart.Get(ctx)
	on, _ := client.BooleanValue(ctx, "newCheckout", false, openfeature.EvaluationContext{})
	http.Get("http://tax:8080/rate")
}
"""
JAVASCRIPT = """
// process.env.IN_A_COMMENT
import axios from 'axios';
const { CART_URL, TIMEOUT: timeout = '5' } = process.env;
const text = "process.env.IN_A_STRING";
const mail = axios.create({ baseURL: process.env.MAIL_URL ?? 'http://mail:25' });
process.env.WRITTEN = 'x';
const env = process.env;

function setting(name, otherwise) { return env[name] || otherwise; }

class Shop {
  region = process.env['REGION'];
  constructor() { this.key = setting('API_KEY_ID', 'none'); }
  async buy(item) {
    const send = () => axios.post(`${CART_URL}/items`, item);
    if (await flags.getBooleanValue('newCheckout', false)) return send();
    return fetch('http://billing:8080/x').then(r => r.json());
  }
}
exports.handler = async event => env.HANDLER_MODE;
"""
TYPESCRIPT = """
import { CartClient } from './cart';
const { CART_ADDR = '' } = process.env;
const client = new CartClient(CART_ADDR, creds);
function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`process.env.${name}`);
  return value;
}
export const Gateway = () => ({
  list(ids: string[]): Promise<void> { return new Promise(r => client.list({ ids }, r)); },
  region: (): string => required('REGION'),
});
namespace Deep { export class A<T> { m(x?: number) { return import.meta.env.VITE_API_URL as string; } } }
"""
TSX = """
export const Card = ({ id }: Props) => {
  const slow = useNumberFlagValue('slowImages', 0);
  const { NEXT_PUBLIC_API } = process.env;
  return <div title="process.env.NO">{slow}<img src={process.env.IMAGES_URL + '/a.png'} /></div>;
};
"""
JAVA = """
package shop;
/* System.getenv("IN_A_COMMENT") */
public class Shop {
  static final String REGION = "REGION";
  private static final String MODE = System.getenv("MODE");
  private final String cartUrl;
  @Value("${TAX_RATE:0.2}") private String tax;
  Shop() { cartUrl = setting("CART_URL", "http://cart:1"); }
  private static String setting(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null ? otherwise : value;
  }
  class Till { String where() { return System.getenv(REGION) + System.getenv().getOrDefault("ZONE", "a"); } }
  void buy() {
    String text = "System.getenv(\\"IN_A_STRING\\")";
    System.getProperty("NOT_ENV");
    if (flags.getBooleanValue("newCheckout", false)) { http.send(HttpRequest.newBuilder(URI.create(cartUrl)).build()); }
    ManagedChannel channel = ManagedChannelBuilder.forAddress("billing", 8080).build();
    new URL("http://billing:8080/x").openStream();
  }
}
"""
KOTLIN = """
package shop
// System.getenv("IN_A_COMMENT")
const val REGION = "REGION"
val mode = System.getenv("MODE") ?: "fast"
object Settings { fun read(name: String): String? = System.getenv(name) }
class Shop(val x: Int) {
  val prose = "System.getenv(X)"
  fun buy() {
    val cart = Settings.read("CART_URL")
    val props = Properties()
    props[BOOTSTRAP] = System.getenv()["KAFKA_ADDR"]!!
    val consumer = KafkaConsumer<String, ByteArray>(props)
    consumer.poll(1)
    if (flag("newCheckout") > 0) println(System.getenv(REGION))
  }
  fun flag(key: String): Int = client.getIntegerValue(key, 0)
}
"""
CSHARP = """
using System;
namespace Shop;
// Environment.GetEnvironmentVariable("IN_A_COMMENT")
public class Cart {
  const string Region = "REGION";
  static readonly string Mode = Environment.GetEnvironmentVariable("MODE") ?? "fast";
  private IConnection _bus;
  public Cart(IConfiguration configuration) {
    var servers = Environment.GetEnvironmentVariable("KAFKA_ADDR");
    _bus = BuildConnection(servers);
    var db = configuration["DB_HOST"];
    var level = configuration["Logging:Level"];
    var text = @"Environment.GetEnvironmentVariable(""IN_A_STRING"")";
  }
  public async Task Buy() {
    string Inner(string name) => Environment.GetEnvironmentVariable(name);
    Inner("INNER_NAME"); Environment.GetEnvironmentVariable(Region);
    _bus.Publish("x");
    if (await _flags.GetBooleanValueAsync("newCheckout", false)) { }
    await http.GetAsync(new Uri("http://billing:8080/x"));
  }
}
"""
RUST = """
use std::env;
// env::var("IN_A_COMMENT")
const REGION: &str = "REGION";
fn setting(name: &str) -> String { env::var(name).unwrap_or_default() }
impl Shop {
    async fn buy(&self) -> Result<(), Error> {
        let url = format!("{}/x", env::var("CART_URL").expect("CART_URL must be set"));
        let tax = format!("{url}/tax");
        reqwest::get(&tax).await?;
        let built = env!("BUILD_ID");
        let text = "env::var(\\"IN_A_STRING\\")";
        println!("{} {}", setting("MODE"), std::env::var(REGION).unwrap());
        if client.get_bool_value("newCheckout", None, None).await? { }
        let channel = Endpoint::from_static("http://billing:8080").connect().await?;
        Ok(())
    }
}
mod inner { pub fn deep() { let _ = std::env::var_os("DEEP"); } }
"""
RUBY = """
# ENV["IN_A_COMMENT"]
REGION = "REGION"
set :port, ENV["PORT"] || "80"
module Shop
  class Cart
    def initialize(name = nil)
      @url = ENV.fetch("CART_URL") { "http://cart:1" }
      @text = 'ENV["IN_A_STRING"]'
      ENV["WRITTEN"] = "x"
    end
    def buy
      Net::HTTP.get(URI("http://billing:8080/x"))
      Faraday.new(@url)
      setting("MODE"); ENV[REGION]; env["rack.url"]
      client.fetch_boolean_value(flag_key: "newCheckout", default_value: false)
    end
    def self.setting(name) = ENV.fetch(name, "fast")
  end
end
"""
PHP = """<?php
namespace Shop;
// getenv('IN_A_COMMENT')
const REGION = 'REGION';
$port = getenv('PORT') ?: '80';
function setting(string $name, $otherwise = null) { return $_ENV[$name] ?? $otherwise; }
class Cart {
  private $url;
  public function __construct() { $this->url = setting('CART_URL'); }
  public function buy($request) {
    $method = $_SERVER['REQUEST_METHOD']; $x = $_SERVER['DB_HOST']; $y = $_GET['NOT_ENV'];
    $text = "getenv('IN_A_STRING')";
    $this->client->post("{$this->url}/items"); getenv(REGION);
    if ($flags->getBooleanValue('newCheckout', false)) { file_get_contents('http://billing:8080/x'); }
    $f = function () { return env('MODE', 'fast'); };
  }
}
"""
CPP = """
#include <cstdlib>
// getenv("IN_A_COMMENT")
#define REGION "REGION"
static const char* mode = std::getenv("MODE");
namespace shop {
std::string setting(const std::string& name, const char* otherwise) {
  const char* value = std::getenv(name.c_str());
  const char* direct = getenv(otherwise);
  return value ? value : otherwise;
}
class Cart { public: void open() { auto c = grpc::CreateChannel(getenv("CART_ADDR"), creds); } };
std::string& Cart::buy(int n) {
  const char* text = R"(getenv("IN_A_STRING"))";
  auto zone = secure_getenv("ZONE");
  auto l = [&](){ return std::getenv(REGION); };
  auto channel = grpc::CreateChannel("billing:8080", creds);
  client->GetBooleanValue("newCheckout", false);
}
}
"""
ELIXIR = """
defmodule Shop.Cart do
  # System.get_env("IN_A_COMMENT")
  @region "REGION"
  @doc "System.get_env(\\"IN_A_STRING\\")"
  def buy(item, opts \\\\ []) when is_map(item) do
    url = System.fetch_env!("CART_URL")
    HTTPoison.post!("#{url}/items", item)
    System.get_env(@region)
    Req.get!("http://billing:8080/x")
    setting("MODE")
    Application.get_env(:shop, "NOT_ENV")
    FunWithFlags.enabled?(:new_checkout)
  end
  defp setting(name), do: System.get_env(name, "fast")
end
config :shop, port: System.get_env("PORT") || "80"
"""

READS = {
    ".go": (
        GO,
        {
            ("", "MODE"), ("", "PORT"), ("Shop.Start", "CART_ADDR"), ("Shop.Start", "PAY_ADDR"),
            ("Shop.Start.inner", "REGION"),
        },
    ),
    ".js": (
        JAVASCRIPT,
        {
            ("", "CART_URL"), ("", "TIMEOUT"), ("", "MAIL_URL"), ("", "REGION"),
            ("Shop.constructor", "API_KEY_ID"), ("handler", "HANDLER_MODE"),
        },
    ),
    ".ts": (TYPESCRIPT, {("", "CART_ADDR"), ("Gateway.region", "REGION"), ("Deep.A.m", "VITE_API_URL")}),
    ".tsx": (TSX, {("Card", "NEXT_PUBLIC_API"), ("Card", "IMAGES_URL")}),
    ".java": (
        JAVA,
        {("", "MODE"), ("", "TAX_RATE"), ("Shop.Shop", "CART_URL"), ("Shop.Till.where", "REGION"),
         ("Shop.Till.where", "ZONE")},
    ),
    ".kt": (KOTLIN, {("", "MODE"), ("Shop.buy", "CART_URL"), ("Shop.buy", "KAFKA_ADDR"), ("Shop.buy", "REGION")}),
    ".cs": (
        CSHARP,
        {("", "MODE"), ("Cart.Cart", "KAFKA_ADDR"), ("Cart.Cart", "DB_HOST"), ("Cart.Buy", "INNER_NAME"),
         ("Cart.Buy", "REGION")},
    ),
    ".rs": (
        RUST,
        {("Shop.buy", "CART_URL"), ("Shop.buy", "BUILD_ID"), ("Shop.buy", "MODE"), ("Shop.buy", "REGION"),
         ("inner.deep", "DEEP")},
    ),
    ".rb": (
        RUBY,
        {("", "PORT"), ("Shop.Cart.initialize", "CART_URL"), ("Shop.Cart.buy", "MODE"), ("Shop.Cart.buy", "REGION")},
    ),
    ".php": (
        PHP,
        {("", "PORT"), ("Cart.__construct", "CART_URL"), ("Cart.buy", "DB_HOST"), ("Cart.buy", "REGION"),
         ("Cart.buy.f", "MODE")},
    ),
    ".cpp": (CPP, {("", "MODE"), ("Cart.open", "CART_ADDR"), ("Cart.buy", "ZONE"), ("Cart.buy.l", "REGION")}),
    ".ex": (
        ELIXIR,
        {("Shop.Cart.buy", "CART_URL"), ("Shop.Cart.buy", "REGION"), ("Shop.Cart.buy", "MODE"), ("", "PORT")},
    ),
}  # fmt: skip
CLIENTS = {
    ".go": {("Shop.Buy", "CART_ADDR"), ("Shop.Buy", "tax:8080"), ("Shop.Start", "PAY_ADDR")},
    ".js": {("Shop.buy.send", "CART_URL"), ("Shop.buy", "billing:8080"), ("", "MAIL_URL")},
    ".ts": {("", "CART_ADDR"), ("Gateway.list", "CART_ADDR")},
    ".java": {("Shop.buy", "CART_URL"), ("Shop.buy", "billing:8080")},
    ".kt": {("Shop.buy", "KAFKA_ADDR")},
    ".cs": {("Cart.Buy", "KAFKA_ADDR"), ("Cart.Buy", "billing:8080")},
    ".rs": {("Shop.buy", "CART_URL"), ("Shop.buy", "billing:8080")},
    ".rb": {("Shop.Cart.buy", "billing:8080"), ("Shop.Cart.buy", "CART_URL")},
    ".php": {("Cart.buy", "CART_URL"), ("Cart.buy", "billing:8080")},
    ".cpp": {("Cart.open", "CART_ADDR"), ("Cart.buy", "billing:8080")},
    ".ex": {("Shop.Cart.buy", "CART_URL"), ("Shop.Cart.buy", "billing:8080")},
}


def _read(suffix: str) -> Module:
    return read_tree(READS[suffix][0], BY_SUFFIX[suffix])


@pytest.mark.parametrize("suffix", READS)
def test_reads_stand_in_their_functions(suffix: str) -> None:
    """Every way of a language to read a variable is found in its function, and no comment, string or write counts."""
    found = {(symbol.name, read.name) for symbol in _read(suffix).symbols for read in symbol.reads}

    assert found == READS[suffix][1]


@pytest.mark.parametrize("suffix", CLIENTS)
def test_clients_lead_to_variables_and_hosts(suffix: str) -> None:
    """A client's address is followed through names, parameters and fields to its variable or host."""
    found = {
        (symbol.name, address)
        for symbol in _read(suffix).symbols
        for client in symbol.clients
        for address in (*client.variables, *(f"{host}:{port}" for host, port in client.hosts))
    }

    assert CLIENTS[suffix] <= found
    assert not any("REGION" in address or "MODE" in address for _, address in found)


@pytest.mark.parametrize("suffix", [suffix for suffix in READS if suffix not in (".ts",)])
def test_flags_stand_in_their_functions(suffix: str) -> None:
    """The flag that a function asks for is found by name, through a helper of the same file where there is one."""
    flags = {flag.name for symbol in _read(suffix).symbols if symbol.name for flag in symbol.flags}

    assert flags in ({"newCheckout"}, {"new_checkout"}, {"slowImages"})


@pytest.mark.parametrize("suffix", READS)
def test_functions_have_lines(suffix: str) -> None:
    """A function begins at the line of its name and ends after it begins, within the file."""
    lines = READS[suffix][0].splitlines()

    for symbol in _read(suffix).symbols[1:]:
        assert 1 <= symbol.line <= symbol.end_line <= len(lines)
        assert symbol.name.rpartition(".")[2] in "\n".join(lines[symbol.line - 1 : symbol.line + 1])


def test_a_default_is_kept() -> None:
    """What a program takes where the variable is not set is known, by argument or by the other side of an or."""
    found = {read.name: read.default for suffix in READS for symbol in _read(suffix).symbols for read in symbol.reads}

    assert found["PAY_ADDR"] == "pay:50051"
    assert found["MAIL_URL"] == "http://mail:25"
    assert found["ZONE"] is None or found["ZONE"] == "a"


def test_a_helper_of_another_file(estate: Write, said: Saying) -> None:
    """A function that reads what it is told is known in the other files of its language, and only where it is one."""
    root = estate(
        {
            "env/env.go": 'package env\nimport "os"\nfunc Must(key string) string { return os.Getenv(key) }\n',
            "main.go": 'package main\nfunc main() { run(env.Must("CART_ADDR"), other.Must("lower case")) }\n',
            "main.js": "function main() { return Must('NOT_A_READ'); }\n",
        }
    )
    facts = said(SourceScanner(root).scan().facts)

    assert {fact for fact in facts if fact[1] == "readsEnv"} == {("main", "readsEnv", "CART_ADDR")}


def test_code_meets_configuration(estate: Write, said: Saying) -> None:
    """Where a Compose file builds the code, a variable that Go reads confirms the call; one nobody reads does not."""
    root = estate(
        {
            "compose.yaml": """
services:
  web:
    build: ./web
    environment: {CART_ADDR: "cart:7070", IDLE_ADDR: "idle:7071"}
  cart: {image: c, ports: [7070]}
  idle: {image: i, ports: [7071]}
""",
            "web/main.go": GO,
        }
    )
    facts = SourceScanner(root).scan().facts

    assert {fact[:3] for fact in said(facts) if fact[1] == "calls"} == {("web", "calls", "cart")}
    assert ("Shop.Buy", "readsFlag", "newCheckout") in said(facts)
    assert any(fact.predicate == terms.OTEL_FEATURE_FLAG_KEY for fact in facts)


@pytest.mark.parametrize("suffix", READS)
def test_hostile_code_is_bounded(suffix: str) -> None:
    """Nesting without end, one endless line and noise end soon, in a module or a reason, whatever the language."""
    hostile = ("(" * 100_000, "{" * 50_000, "f(" * 10_000 + ")" * 10_000, "a.b(c)+" * 10_000, '"' + "\\" * 50_000)
    began = time.monotonic()

    for text in hostile:
        with contextlib.suppress(SyntaxError, ValueError):
            assert read_tree(text, BY_SUFFIX[suffix]).symbols
    assert time.monotonic() - began < 60


def test_hostile_files_are_set_aside(estate: Write) -> None:
    """A binary, a file that is too large and one in another encoding are problems; the next file is read."""
    root = estate({"nul.go": "package a\0", "large.js": "x" * 5_000_000, "good.rb": "def f; end\n"})
    (root / "latin.java").write_bytes(b'class A { String s = "\xe9"; }')
    scan = SourceScanner(root).scan()

    assert {problem.where for problem in scan.problems} == {"nul.go", "large.js", "latin.java"}
    assert any(fact.object == "f" for fact in scan.facts)


def test_scripts_and_templates_read_at_file_level(estate: Write, said: Saying) -> None:
    """A script reads what it does not set itself; a template what stands in braces, and not what is commented out."""
    root = estate(
        {
            "run.sh": "PORT=1\nexec app $PORT --flags \"${FLAG_HOST:-flags}\" '$QUOTED' # $COMMENTED\n",
            "proxy.tmpl.yaml": "address: ${CART_HOST} # ${OLD}\n# ${OLDER}\npath: $uri\n",
            "plain.yaml": "address: ${NOT_A_TEMPLATE}\n",
        }
    )
    facts = said(SourceScanner(root).scan().facts)

    assert {fact for fact in facts if fact[1] == "readsEnv"} == {
        ("run.sh", "readsEnv", "FLAG_HOST"),
        ("proxy.tmpl.yaml", "readsEnv", "CART_HOST"),
    }


def test_every_language_has_a_suffix_of_its_own() -> None:
    """No two tables claim the same file."""
    assert len(BY_SUFFIX) == sum(len(language.suffixes) for language in LANGUAGES)


@pytest.mark.parametrize(
    ("suffix", "text", "names"),
    [
        (
            ".go",
            'func f() { viper.BindEnv("db.url"); viper.BindEnv("port", "PORT", "HTTP_PORT") }',
            {"DB_URL", "PORT", "HTTP_PORT"},
        ),
        (".go", 'var f = &cli.StringFlag{Name: "a", EnvVars: []string{"A_URL"}}', {"A_URL"}),
        (".rs", 'struct A { #[arg(long, env = "A_URL")] url: String }', {"A_URL"}),
        (".java", 'class A { @Value("${cart.url:http://cart:1}") String a; @Named("x.y") String b; }', {"CART_URL"}),
        (".java", 'class A { void f() { pb.environment().get("A"); env.get("B"); } }', set()),
        (".java", 'class A { void f() { Map<String, String> env = System.getenv(); env.get("B"); } }', {"B"}),
        (".cs", 'class A { void F() { configuration.GetConnectionString("Orders"); } }', {"ConnectionStrings__Orders"}),
        (
            ".js",
            'const c = convict({port: {env: "PORT"}}); delete process.env.GONE; process.env.X ??= "y"',
            {"PORT", "X"},
        ),
        (".rb", 'ENV["A"] ||= "x"; ENV["B"] = "y"', {"A"}),
        (".php", "<?php function un($n) { unset($_ENV[$n]); } un('GONE');", set()),
        (
            ".ex",
            'defmodule A do\n  @doc "System.get_env(X) http://docs.example.com"\n  def f, do: System.get_env("Y")\nend',
            {"Y"},
        ),
    ],
)
def test_the_customs_of_libraries(suffix: str, text: str, names: set[str]) -> None:
    """What bindings, tags and annotations of the usual libraries read is found; what is removed is not."""
    module = read_tree(text, BY_SUFFIX[suffix])

    assert {read.name for symbol in module.symbols for read in symbol.reads} == names
    assert not any(host.host == "docs.example.com" for symbol in module.symbols for host in symbol.hosts)


def test_a_host_stands_at_its_own_line() -> None:
    """A host in the middle of a long string is said of its own line; a style sheet's `width:300` is no host."""
    module = read_tree(
        "const a = `\n  see http://cart:7070/x\n`; const b = '<p style=\"width:300\">'", BY_SUFFIX[".js"]
    )

    assert [(host.host, host.line) for host in module.symbols[0].hosts] == [("cart", 2)]
