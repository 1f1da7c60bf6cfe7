// Spans and log records by the OpenTelemetry SDK, sent over OTLP once a second; log lines as JSON on standard output.
"use strict";

const { context, propagation, trace, SpanKind, SpanStatusCode } = require("@opentelemetry/api");
const { logs, SeverityNumber } = require("@opentelemetry/api-logs");
const { OTLPLogExporter } = require("@opentelemetry/exporter-logs-otlp-http");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
const { address } = require("./resolving");

const SEVERITIES = { INFO: SeverityNumber.INFO, WARN: SeverityNumber.WARN, ERROR: SeverityNumber.ERROR };
let providers = [];

/** Return who sends: the name and the version of this service. */
function resource() {
  return resourceFromAttributes({
    "service.name": process.env.OTEL_SERVICE_NAME ?? "unnamed",
    "service.version": process.env.SERVICE_VERSION ?? "0",
  });
}

/** Return where spans (`traces`) or log records (`logs`) go; empty where nobody collects. */
function endpoint(signal) {
  const base = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!base) return "";
  const url = new URL(base);
  const { host, port } = address(url.hostname, Number(url.port || 4318));
  return `http://${host}:${port}/v1/${signal}`;
}

/** Let the SDK send in the background. */
function start() {
  const often = { scheduledDelayMillis: 1000 };
  const slow = { timeoutMillis: 2000 };
  const spans = endpoint("traces")
    ? [new BatchSpanProcessor(new OTLPTraceExporter({ url: endpoint("traces"), ...slow }), often)]
    : [];
  const records = endpoint("logs")
    ? [new BatchLogRecordProcessor(new OTLPLogExporter({ url: endpoint("logs"), ...slow }), often)]
    : [];
  const tracing = new NodeTracerProvider({ resource: resource(), spanProcessors: spans });
  tracing.register();
  const logging = new LoggerProvider({ resource: resource(), processors: records });
  logs.setGlobalLoggerProvider(logging);
  providers = [tracing, logging];
}

/** Send what is finished. */
function stop() {
  return Promise.all(providers.map((each) => each.forceFlush().catch(() => {})));
}

/** Say on the span that it failed, and by which error. */
function failed(span, error) {
  span.recordException(error);
  span.setAttribute("error.type", error.code ?? error.name);
  span.setStatus({ code: SpanStatusCode.ERROR, message: `${error.name}: ${error.message}` });
}

/** Do work in a new span below the current one, or below the `traceparent` of a request. */
function inSpan(name, kind, attributes, work, above = undefined) {
  const parent = above ? propagation.extract(context.active(), { traceparent: above }) : context.active();
  const options = { kind: SpanKind[kind.toUpperCase()], attributes };
  return trace.getTracer("shop").startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      if ((error.status ?? 500) >= 500 || kind === "client") failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Return the header that carries the trace on. */
function carried() {
  const headers = {};
  propagation.inject(context.active(), headers);
  return headers;
}

function write(severity, message, cause) {
  const attributes = cause
    ? {
        "exception.type": cause.name,
        "exception.message": cause.message,
        "exception.stacktrace": String(cause.stack).slice(-4000),
      }
    : {};
  const line = {
    time: new Date().toISOString(),
    severity,
    service: process.env.OTEL_SERVICE_NAME ?? "unnamed",
    message,
    trace_id: trace.getActiveSpan()?.spanContext().traceId ?? "",
    ...attributes,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  const record = { severityText: severity, severityNumber: SEVERITIES[severity], body: message, attributes };
  logs.getLogger("shop").emit(record);
}

const log = {
  info: (message) => write("INFO", message),
  warning: (message) => write("WARN", message),
  error: (message, cause) => write("ERROR", message, cause),
};

module.exports = { start, stop, inSpan, failed, carried, log };
