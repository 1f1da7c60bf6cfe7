// Calling another service: a client span, a time limit, the trace carried on, one retry where nobody listened.
"use strict";

const http = require("node:http");
const metrics = require("./metrics");
const { address } = require("./resolving");
const { Refused } = require("./serving");
const { carried, inSpan, log } = require("./telemetry");

/** Another service: where it is, and for how long (ms) we wait. 4xx passes on, 5xx becomes a 502, silence a 504. */
class Peer {
  constructor(url, timeout) {
    this.url = url;
    this.timeout = timeout;
  }

  get(path, headers = {}) {
    return this.call("GET", path, undefined, headers);
  }

  post(path, body, headers = {}) {
    return this.call("POST", path, body, headers);
  }

  async call(method, path, body, headers) {
    const url = new URL(this.url + path);
    const route = url.pathname.replace(/\/[^/]*[0-9][^/]*/g, "/{id}");
    const name = url.hostname;
    const began = process.hrtime.bigint();
    let status = "error";
    const about = {
      "http.request.method": method,
      "server.address": name,
      "server.port": Number(url.port || 80),
      "url.path": url.pathname,
    };
    try {
      return await inSpan(`${method} ${route}`, "client", about, async (span) => {
        const [code, reply] = await this.answer(method, url, body, { ...headers, ...carried() });
        status = code;
        span.setAttribute("http.response.status_code", code);
        return accepted(code, reply, name);
      });
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (error.code === "ETIMEDOUT") status = "timeout";
      const how = status === "timeout" ? `timed out after ${this.timeout} ms` : `failed: ${error.message}`;
      log.error(`${method} ${route} on ${name} ${how}`);
      if (status === "timeout") throw new Refused(504, `${name} timed out`);
      throw new Refused(502, `${name} cannot be reached`);
    } finally {
      const seconds = Number(process.hrtime.bigint() - began) / 1e9;
      metrics.CALLED.observe(seconds, { server_address: name, http_response_status_code: status });
    }
  }

  /** Return [status, reply]; try once more where the connection was refused (the other one restarts). */
  async answer(method, url, body, headers) {
    try {
      return await this.once(method, url, body, headers);
    } catch (error) {
      if (error.code !== "ECONNREFUSED") throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return this.once(method, url, body, headers);
    }
  }

  once(method, url, body, headers) {
    const text = body === undefined ? "" : JSON.stringify(body);
    const sent = { Host: url.host, "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text), ...headers };
    const where = address(url.hostname, Number(url.port || 80));
    return new Promise((resolve, reject) => {
      const options = { ...where, method, path: url.pathname + url.search, headers: sent, agent: false };
      const request = http.request(options, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          clearTimeout(limit);
          try {
            resolve([response.statusCode, JSON.parse(Buffer.concat(parts).toString() || "{}")]);
          } catch (error) {
            reject(error);
          }
        });
      });
      const limit = setTimeout(() => {
        request.destroy(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }));
      }, this.timeout);
      request.on("error", (error) => {
        clearTimeout(limit);
        reject(error);
      });
      request.end(text);
    });
  }
}

/** Return a good reply; throw Refused for any other. */
function accepted(code, reply, peer) {
  if (code < 400) return reply;
  if (code < 500) throw new Refused(code, reply.error ?? "");
  log.error(`${peer} answered ${code}: ${reply.error ?? ""}`);
  throw new Refused(502, `${peer} answered ${code}`);
}

module.exports = { Peer };
