package javaruntime;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;

/** Log lines as JSON on standard output and over OTLP, with the trace they belong to. */
public final class Log {

    private Log() {}

    public static void info(String message) {
        write("INFO", 9, message, Map.of());
    }

    public static void warning(String message) {
        write("WARN", 13, message, Map.of());
    }

    public static void error(String message) {
        write("ERROR", 17, message, Map.of());
    }

    public static void error(String message, Throwable cause) {
        write("ERROR", 17, message, Tracing.exception(cause));
    }

    private static void write(String severity, int number, String message, Map<String, Object> attributes) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("time", Instant.now().truncatedTo(ChronoUnit.MILLIS));
        line.put("severity", severity);
        line.put("service", System.getenv().getOrDefault("OTEL_SERVICE_NAME", "unnamed"));
        line.put("message", message);
        line.put("trace_id", Tracing.traceId());
        line.putAll(attributes);
        System.out.println(Json.write(line));
        Tracing.record(severity, number, message, attributes);
    }
}
