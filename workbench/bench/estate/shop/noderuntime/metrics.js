// Counters, gauges and histograms with labels, and how Prometheus reads them.
"use strict";

const fs = require("node:fs");

// Upper bounds in seconds; the same in every language.
const BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.045, 0.065, 0.09, 0.12, 0.16, 0.2, 0.25, 0.3, 0.36, 0.43, 0.52, 0.63, 0.76,
  0.92, 1.1, 1.35, 1.6, 2, 2.5, 3.2, 4, 5, 7.5, 10,
];
const registry = [];

function shown(labels, more) {
  const pairs = Object.entries({ ...labels, ...more }).map(([name, value]) => `${name}="${value}"`);
  return pairs.length ? `{${pairs.join(",")}}` : "";
}

/** A number that only grows, one for each set of labels. */
class Counter {
  constructor(name) {
    this.name = name;
    this.values = new Map();
  }

  add(labels = {}, amount = 1) {
    const key = JSON.stringify(labels);
    this.values.set(key, (this.values.get(key) ?? 0) + amount);
  }

  lines() {
    const rows = [...this.values].map(([key, value]) => `${this.name}${shown(JSON.parse(key))} ${value}`);
    return [`# TYPE ${this.name} counter`, ...rows];
  }
}

/** Numbers read at the moment of the scrape: a list of [labels, value]. */
class Gauge {
  constructor(name, read, kind = "gauge") {
    Object.assign(this, { name, read, kind });
  }

  lines() {
    const rows = this.read().map(([labels, value]) => `${this.name}${shown(labels)} ${value}`);
    return [`# TYPE ${this.name} ${this.kind}`, ...rows];
  }
}

/** How long things took, in seconds, for each set of labels. */
class Histogram {
  constructor(name) {
    this.name = name;
    this.cells = new Map();
  }

  observe(seconds, labels = {}) {
    const key = JSON.stringify(labels);
    let cell = this.cells.get(key);
    if (!cell) this.cells.set(key, (cell = { labels, counts: new Array(BUCKETS.length + 1).fill(0), total: 0 }));
    const place = BUCKETS.findIndex((bound) => seconds <= bound);
    cell.counts[place === -1 ? BUCKETS.length : place] += 1;
    cell.total += seconds;
  }

  lines() {
    const rows = [`# TYPE ${this.name} histogram`];
    for (const { labels, counts, total } of this.cells.values()) {
      let seen = 0;
      counts.forEach((count, place) => {
        seen += count;
        rows.push(`${this.name}_bucket${shown(labels, { le: BUCKETS[place] ?? "+Inf" })} ${seen}`);
      });
      rows.push(`${this.name}_sum${shown(labels)} ${total}`, `${this.name}_count${shown(labels)} ${seen}`);
    }
    return rows;
  }
}

/** Show this metric. */
function register(metric) {
  registry.push(metric);
  return metric;
}

function fdsLimit() {
  const line = fs.readFileSync("/proc/self/limits", "utf8").match(/Max open files\s+(\d+)/);
  return line ? [[{}, Number(line[1])]] : [];
}

function threads() {
  return Number(fs.readFileSync("/proc/self/status", "utf8").match(/Threads:\s+(\d+)/)[1]);
}

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const SERVED = register(new Histogram("http_server_request_duration_seconds"));
const CALLED = register(new Histogram("http_client_request_duration_seconds"));
register(new Gauge("process_resident_memory_bytes", () => [[{}, process.memoryUsage.rss()]]));
register(new Gauge("process_cpu_seconds_total", () => [[{}, cpuSeconds()]], "counter"));
register(new Gauge("process_open_fds", () => [[{}, fs.readdirSync("/proc/self/fd").length]]));
register(new Gauge("process_max_fds", fdsLimit));
register(new Gauge("process_threads", () => [[{}, threads()]]));

/** Return the whole page that Prometheus scrapes. */
function exposition() {
  return `${registry.flatMap((metric) => metric.lines()).join("\n")}\n`;
}

module.exports = { Counter, Gauge, Histogram, register, exposition, SERVED, CALLED };
