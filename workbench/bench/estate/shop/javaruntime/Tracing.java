package javaruntime;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/** Spans and log records: made around work, carried on by W3C traceparent, sent as OTLP JSON once a second. */
public final class Tracing {

    private static final int KEPT = 5000;
    private static final Map<String, Integer> KINDS = Map.of("internal", 1, "server", 2, "client", 3, "producer", 4, "consumer", 5);
    private static final ThreadLocal<Span> CURRENT = new ThreadLocal<>();
    private static final List<Map<String, Object>> SPANS = new ArrayList<>();
    private static final List<Map<String, Object>> RECORDS = new ArrayList<>();
    private static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    private Tracing() {}

    /** Work that may fail with a checked exception. */
    public interface Work<T> {
        T run(Span span) throws Exception;
    }

    /** One piece of work in a trace. */
    public static final class Span {

        private final String name;
        private final String kind;
        private final String trace;
        private final String parent;
        private final String id = hex(8);
        private final boolean sampled;
        private final long start = nanos();
        private final Map<String, Object> attributes = new LinkedHashMap<>();
        private final List<Object> events = new ArrayList<>();
        private Map<String, Object> status = Map.of();

        private Span(String name, String kind, String trace, String parent, boolean sampled) {
            this.name = name;
            this.kind = kind;
            this.trace = trace;
            this.parent = parent;
            this.sampled = sampled;
        }

        public void set(String key, Object value) {
            attributes.put(key, value);
        }

        /** Says that it failed, and by which exception. */
        public void failed(Throwable error) {
            Map<String, Object> about = exception(error);
            events.add(Map.of("timeUnixNano", String.valueOf(nanos()), "name", "exception", "attributes", pairs(about)));
            attributes.put("error.type", error.getClass().getSimpleName());
            status = Map.of("code", 2, "message", error.getClass().getSimpleName() + ": " + error.getMessage());
        }

        /** Returns the header that carries the trace on. */
        public String traceparent() {
            return "00-" + trace + "-" + id + (sampled ? "-01" : "-00");
        }

        private void end() {
            if (!sampled) {
                return;
            }
            Map<String, Object> made = new LinkedHashMap<>();
            made.put("traceId", trace);
            made.put("spanId", id);
            made.put("parentSpanId", parent);
            made.put("name", name);
            made.put("kind", KINDS.get(kind));
            made.put("startTimeUnixNano", String.valueOf(start));
            made.put("endTimeUnixNano", String.valueOf(nanos()));
            made.put("attributes", pairs(attributes));
            made.put("events", events);
            made.put("status", status);
            keep(SPANS, made);
        }
    }

    /** Does work in a new span below the current one. */
    public static <T> T inSpan(String name, String kind, Map<String, Object> attributes, Work<T> work) throws Exception {
        Span above = CURRENT.get();
        return above == null
                ? run(new Span(name, kind, hex(16), "", drawn()), attributes, work)
                : run(new Span(name, kind, above.trace, above.id, above.sampled), attributes, work);
    }

    /** Does work in a new span below the traceparent of a request, or at the top where it has none. */
    public static <T> T below(String header, String name, Map<String, Object> attributes, Work<T> work) throws Exception {
        String[] parts = header == null ? new String[0] : header.split("-");
        Span span = parts.length == 4
                ? new Span(name, "server", parts[1], parts[2], parts[3].endsWith("1"))
                : new Span(name, "server", hex(16), "", drawn());
        return run(span, attributes, work);
    }

    private static <T> T run(Span span, Map<String, Object> attributes, Work<T> work) throws Exception {
        Span above = CURRENT.get();
        span.attributes.putAll(attributes);
        CURRENT.set(span);
        try {
            return work.run(span);
        } catch (Exception error) {
            if (!(error instanceof Refused refused) || refused.status >= 500 || span.kind.equals("client")) {
                span.failed(error);
            }
            throw error;
        } finally {
            CURRENT.set(above);
            span.end();
        }
    }

    private static boolean drawn() {
        String share = System.getenv().getOrDefault("OTEL_TRACES_SAMPLER_ARG", "1.0");
        return ThreadLocalRandom.current().nextDouble() < Double.parseDouble(share);
    }

    /** Returns the header that carries the current trace on, or an empty string. */
    public static String carried() {
        Span span = CURRENT.get();
        return span == null ? "" : span.traceparent();
    }

    /** Returns the id of the current trace, or an empty string. */
    public static String traceId() {
        Span span = CURRENT.get();
        return span == null ? "" : span.trace;
    }

    /** Keeps a log record for the collector. */
    static void record(String severity, int number, String message, Map<String, Object> attributes) {
        Span span = CURRENT.get();
        Map<String, Object> made = new LinkedHashMap<>();
        made.put("timeUnixNano", String.valueOf(nanos()));
        made.put("severityText", severity);
        made.put("severityNumber", number);
        made.put("body", Map.of("stringValue", message));
        made.put("attributes", pairs(attributes));
        if (span != null) {
            made.put("traceId", span.trace);
            made.put("spanId", span.id);
        }
        keep(RECORDS, made);
    }

    /** Returns an exception in the words of the semantic conventions. */
    static Map<String, Object> exception(Throwable error) {
        StringWriter stack = new StringWriter();
        error.printStackTrace(new PrintWriter(stack));
        String text = stack.toString();
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("exception.type", error.getClass().getName());
        about.put("exception.message", String.valueOf(error.getMessage()));
        about.put("exception.stacktrace", text.substring(0, Math.min(4000, text.length())));
        return about;
    }

    private static void keep(List<Map<String, Object>> list, Map<String, Object> made) {
        synchronized (list) {
            if (list.size() < KEPT) {
                list.add(made);
            }
        }
    }

    private static List<Object> pairs(Map<String, Object> attributes) {
        List<Object> found = new ArrayList<>();
        attributes.forEach((key, value) -> {
            boolean whole = value instanceof Integer || value instanceof Long;
            Map<String, Object> typed = whole ? Map.of("intValue", value.toString()) : Map.of("stringValue", String.valueOf(value));
            found.add(Map.of("key", key, "value", typed));
        });
        return found;
    }

    private static long nanos() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    private static String hex(int bytes) {
        StringBuilder text = new StringBuilder();
        for (int count = 0; count < bytes / 8; count++) {
            text.append(String.format("%016x", ThreadLocalRandom.current().nextLong()));
        }
        return text.toString();
    }

    /** Sends spans and log records once a second for as long as the process lives. */
    public static void start() {
        Thread sender = new Thread(() -> {
            while (true) {
                try {
                    Thread.sleep(1000);
                } catch (InterruptedException error) {
                    return;
                }
                flush();
            }
        }, "telemetry");
        sender.setDaemon(true);
        sender.start();
    }

    /** Sends what is finished. */
    public static void flush() {
        send("traces", "resourceSpans", "scopeSpans", "spans", SPANS);
        send("logs", "resourceLogs", "scopeLogs", "logRecords", RECORDS);
    }

    private static void send(String signal, String outer, String inner, String items, List<Map<String, Object>> waiting) {
        String endpoint = System.getenv().getOrDefault("OTEL_EXPORTER_OTLP_ENDPOINT", "");
        List<Map<String, Object>> batch;
        synchronized (waiting) {
            batch = new ArrayList<>(waiting);
            waiting.clear();
        }
        if (batch.isEmpty() || endpoint.isEmpty()) {
            return;
        }
        Map<String, Object> who = new LinkedHashMap<>();
        who.put("service.name", System.getenv().getOrDefault("OTEL_SERVICE_NAME", "unnamed"));
        who.put("service.version", System.getenv().getOrDefault("SERVICE_VERSION", "0"));
        who.put("telemetry.sdk.language", "java");
        Map<String, Object> scope = Map.of("scope", Map.of("name", "shop"), items, batch);
        Map<String, Object> from = Map.of("resource", Map.of("attributes", pairs(who)), inner, List.of(scope));
        String body = Json.write(Map.of(outer, List.of(from)));
        try {
            URI target = Resolving.resolve(URI.create(endpoint + "/v1/" + signal));
            HttpRequest request = HttpRequest.newBuilder(target)
                    .timeout(Duration.ofSeconds(2))
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(body))
                    .build();
            HTTP.send(request, HttpResponse.BodyHandlers.discarding());
        } catch (IOException error) {
            batch.forEach(each -> keep(waiting, each));
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }
}
