package javaruntime;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;

/** Counters, gauges and histograms with labels, and how Prometheus reads them. */
public final class Metrics {

    /** Upper bounds in seconds; the same in every language. */
    private static final double[] BUCKETS = {
        0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.045, 0.065, 0.09, 0.12, 0.16, 0.2, 0.25, 0.3, 0.36, 0.43, 0.52, 0.63,
        0.76, 0.92, 1.1, 1.35, 1.6, 2, 2.5, 3.2, 4, 5, 7.5, 10
    };

    private static final List<Supplier<List<String>>> REGISTRY = new CopyOnWriteArrayList<>();
    public static final Histogram SERVED = new Histogram("http_server_request_duration_seconds");
    public static final Histogram CALLED = new Histogram("http_client_request_duration_seconds");

    static {
        var system = (com.sun.management.UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        gauge("process_resident_memory_bytes", "gauge", Metrics::residentBytes);
        gauge("process_cpu_seconds_total", "counter", () -> system.getProcessCpuTime() / 1e9);
        gauge("process_open_fds", "gauge", system::getOpenFileDescriptorCount);
        gauge("process_max_fds", "gauge", system::getMaxFileDescriptorCount);
        gauge("process_threads", "gauge", () -> ManagementFactory.getThreadMXBean().getThreadCount());
        gauge("jvm_memory_used_bytes", "gauge", () -> Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        gauge("jvm_memory_limit_bytes", "gauge", () -> Runtime.getRuntime().maxMemory());
    }

    private Metrics() {}

    private static double residentBytes() {
        try {
            return Double.parseDouble(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * 4096;
        } catch (IOException error) {
            return Double.NaN;
        }
    }

    /** Shows a number that is read at the moment of the scrape; the name may have labels. */
    public static void gauge(String name, String kind, DoubleSupplier read) {
        String bare = name.replaceFirst("\\{.*", "");
        REGISTRY.add(() -> List.of("# TYPE " + bare + " " + kind, name + " " + read.getAsDouble()));
    }

    private static String shown(String labels, String more) {
        String inside = labels.isEmpty() || more.isEmpty() ? labels + more : labels + "," + more;
        return inside.isEmpty() ? "" : "{" + inside + "}";
    }

    /** Returns labels as Prometheus writes them, from pairs of name and value. */
    public static String labels(Object... pairs) {
        StringBuilder out = new StringBuilder();
        for (int place = 0; place < pairs.length; place += 2) {
            out.append(place == 0 ? "" : ",").append(pairs[place]).append("=\"").append(pairs[place + 1]).append('"');
        }
        return out.toString();
    }

    /** A number that only grows, one for each set of labels. */
    public static final class Counter {

        private final Map<String, LongAdder> values = new TreeMap<>();

        public Counter(String name) {
            REGISTRY.add(() -> lines(name));
        }

        public synchronized void add(String labels) {
            values.computeIfAbsent(labels, key -> new LongAdder()).increment();
        }

        private synchronized List<String> lines(String name) {
            List<String> rows = new ArrayList<>(List.of("# TYPE " + name + " counter"));
            values.forEach((labels, value) -> rows.add(name + shown(labels, "") + " " + value.sum()));
            return rows;
        }
    }

    /** How long things took, in seconds, for each set of labels. */
    public static final class Histogram {

        private final Map<String, long[]> counts = new TreeMap<>();
        private final Map<String, Double> totals = new TreeMap<>();

        public Histogram(String name) {
            REGISTRY.add(() -> lines(name));
        }

        public synchronized void observe(double seconds, String labels) {
            long[] cells = counts.computeIfAbsent(labels, key -> new long[BUCKETS.length + 1]);
            int place = 0;
            while (place < BUCKETS.length && seconds > BUCKETS[place]) {
                place++;
            }
            cells[place]++;
            totals.merge(labels, seconds, Double::sum);
        }

        private synchronized List<String> lines(String name) {
            List<String> rows = new ArrayList<>(List.of("# TYPE " + name + " histogram"));
            counts.forEach((labels, cells) -> {
                long seen = 0;
                for (int place = 0; place < cells.length; place++) {
                    seen += cells[place];
                    String bound = place < BUCKETS.length ? String.valueOf(BUCKETS[place]) : "+Inf";
                    rows.add(name + "_bucket" + shown(labels, labels("le", bound)) + " " + seen);
                }
                rows.add(name + "_sum" + shown(labels, "") + " " + String.format(Locale.ROOT, "%.9g", totals.get(labels)));
                rows.add(name + "_count" + shown(labels, "") + " " + seen);
            });
            return rows;
        }
    }

    /** Returns the whole page that Prometheus scrapes. */
    public static String exposition() {
        StringBuilder page = new StringBuilder();
        REGISTRY.forEach(lines -> lines.get().forEach(line -> page.append(line).append('\n')));
        return page.toString();
    }
}
