// Redis: a span for every command, a time limit; the name is resolved at each connect.
"use strict";

const Redis = require("ioredis");
const metrics = require("./metrics");
const { address } = require("./resolving");
const { inSpan, log } = require("./telemetry");

const ASKED = new metrics.Counter("cache_requests_total");

function where(host, port) {
  try {
    return address(host, port);
  } catch {
    return { host, port }; // the resolver itself will say that it does not know the name
  }
}

/** A redis at redis://host:port/number. */
class Store {
  constructor(url, timeout) {
    const parts = new URL(url);
    this.host = parts.hostname;
    this.port = Number(parts.port || 6379);
    const db = Number(parts.pathname.slice(1) || 0);
    const limits = { commandTimeout: timeout, connectTimeout: timeout, maxRetriesPerRequest: 1 };
    this.redis = new Redis({ ...where(this.host, this.port), db, ...limits, retryStrategy: (times) => this.again(times) });
    this.redis.on("error", (error) => log.error(`redis at ${this.host} failed: ${error.message}`));
    metrics.register(ASKED);
  }

  again(times) {
    Object.assign(this.redis.options, where(this.host, this.port));
    return Math.min(100 * times, 1000);
  }

  async run(command, ...values) {
    const about = {
      "db.system.name": "redis",
      "db.operation.name": command,
      "server.address": this.host,
      "server.port": this.port,
    };
    return inSpan(command, "client", about, () => this.redis.call(command, ...values));
  }

  /** Return a kept JSON value, or undefined. */
  async get(key) {
    try {
      const text = await this.run("GET", key);
      ASKED.add({ result: text === null ? "miss" : "hit" });
      return text === null ? undefined : JSON.parse(text);
    } catch (error) {
      ASKED.add({ result: "error" });
      throw error;
    }
  }

  /** Keep a JSON value for so many seconds. */
  put(key, value, seconds) {
    return this.run("SET", key, JSON.stringify(value), "EX", String(seconds));
  }

  forget(key) {
    return this.run("DEL", key);
  }
}

module.exports = { Store };
