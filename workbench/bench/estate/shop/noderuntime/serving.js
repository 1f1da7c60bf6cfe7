// Serving: routes, a server span and a duration for every request, /metrics, /health, a clean end on SIGTERM.
"use strict";

const http = require("node:http");
const path = require("node:path");
const metrics = require("./metrics");
const { failed, inSpan, log, start, stop } = require("./telemetry");

const ROOT = path.dirname(__dirname);
const NUMBERED = /[^/]+/;

/** A reply that is not a success: its HTTP status and the reason. */
class Refused extends Error {
  constructor(status, reason) {
    super(reason);
    this.name = "Refused";
    this.status = status;
  }
}

/** Return where a function was handed over, as file and line below the shop. */
function place() {
  const frame = new Error().stack.split("\n").find((line) => /\(?\//.test(line) && !line.includes(__filename));
  const found = frame?.match(/(\/[^():]+):(\d+):\d+/);
  return found ? { file: path.relative(ROOT, found[1]), line: Number(found[2]) } : { file: "", line: 0 };
}

/** The routes of one service, and the server that answers them. */
class Service {
  constructor() {
    this.routes = [];
    this.active = 0;
    metrics.register(new metrics.Gauge("http_server_active_requests", () => [[{}, this.active]]));
  }

  /** Say which function answers a method and a path such as /products/{id}. */
  route(method, template, handler) {
    const pattern = new RegExp(`^${template.replace(/\{(\w+)\}/g, `(?<$1>${NUMBERED.source})`)}$`);
    const { file, line } = place();
    const code = { "code.function.name": handler.name, "code.file.path": file, "code.line.number": line };
    this.routes.push({ method, template, pattern, handler, code });
  }

  /** Answer one request with [status, reply]; what was not foreseen is a 500. */
  async answer(method, target, text, headers) {
    const url = new URL(target, "http://here");
    const route = this.routes.find((each) => each.method === method && each.pattern.test(url.pathname));
    if (!route) return [404, { error: "no such page" }];
    const began = process.hrtime.bigint();
    const about = { "http.request.method": method, "http.route": route.template, "url.path": url.pathname, ...route.code };
    let status = 500;
    this.active += 1;
    try {
      const names = url.pathname.match(route.pattern).groups ?? {};
      const work = async (span) => {
        const [code, reply, error] = await handled(route.handler, { path: names, query: url.searchParams, text, headers });
        span.setAttribute("http.response.status_code", code);
        if (code >= 500) failed(span, error);
        return [code, reply];
      };
      const answer = await inSpan(`${method} ${route.template}`, "server", about, work, headers.traceparent);
      status = answer[0];
      return answer;
    } finally {
      this.active -= 1;
      metrics.SERVED.observe(Number(process.hrtime.bigint() - began) / 1e9, {
        http_request_method: method,
        http_route: route.template,
        http_response_status_code: status,
      });
    }
  }

  /** Serve until SIGTERM. */
  run() {
    start();
    const server = http.createServer((request, response) => this.page(request, response));
    server.listen(Number(process.env.PORT ?? "8080"), process.env.LISTEN_HOST ?? "0.0.0.0", 128, () => {
      log.info(`listening on ${server.address().port}, version ${process.env.SERVICE_VERSION ?? "0"}`);
    });
    const end = async () => {
      log.info("ending");
      server.close();
      await Promise.race([stop(), new Promise((resolve) => setTimeout(resolve, 1000))]);
      process.exit(0); // a request that hangs must not keep the process
    };
    process.once("SIGTERM", end);
    process.once("SIGINT", end);
  }

  async page(request, response) {
    if (request.url === "/metrics") return send(response, 200, metrics.exposition(), "text/plain; version=0.0.4");
    if (request.url === "/health") return send(response, 200, '{"status": "ok"}', "application/json");
    const parts = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      return undefined; // the caller has gone
    }
    const [status, reply] = await this.answer(request.method, request.url, Buffer.concat(parts).toString(), request.headers);
    return send(response, status, JSON.stringify(reply), "application/json");
  }
}

/** Return status, reply, and the error that the reply stands for. */
async function handled(handler, { path: names, query, text, headers }) {
  let body;
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    return [400, { error: "the body is not JSON" }, undefined];
  }
  try {
    return [200, await handler({ path: names, query, body, headers }), undefined];
  } catch (error) {
    if (error instanceof Refused) return [error.status, { error: error.message }, error];
    log.error(`unhandled ${error.name}: ${error.message}`, error);
    return [500, { error: "internal error" }, error];
  }
}

function send(response, status, text, kind) {
  response.writeHead(status, { "Content-Type": kind, "Content-Length": Buffer.byteLength(text), Connection: "close" });
  response.end(text);
}

module.exports = { Service, Refused };
