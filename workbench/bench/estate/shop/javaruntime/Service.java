package javaruntime;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The routes of one service, and the server that answers them. */
public final class Service {

    private record Page(String method, String template, Pattern pattern, List<String> names, Object owner, Method handler) {}

    private record Answer(int status, Object body) {}

    private final List<Page> pages = new ArrayList<>();
    private final AtomicInteger active = new AtomicInteger();
    private final Semaphore workers;

    public Service(Object... owners) {
        int size = Integer.parseInt(System.getenv().getOrDefault("WORKERS", "24"));
        workers = new Semaphore(size, true);
        Metrics.gauge("http_server_active_requests", "gauge", active::get);
        Metrics.gauge("http_server_workers_max", "gauge", () -> size);
        for (Object owner : owners) {
            for (Method method : owner.getClass().getDeclaredMethods()) {
                Route route = method.getAnnotation(Route.class);
                if (route != null) {
                    pages.add(page(route, owner, method));
                }
            }
        }
    }

    private static Page page(Route route, Object owner, Method method) {
        List<String> names = new ArrayList<>();
        Matcher found = Pattern.compile("\\{(\\w+)\\}").matcher(route.path());
        while (found.find()) {
            names.add(found.group(1));
        }
        Pattern pattern = Pattern.compile(route.path().replaceAll("\\{\\w+\\}", "([^/]+)"));
        return new Page(route.method(), route.path(), pattern, names, owner, method);
    }

    /** Serves until SIGTERM. */
    public void run() throws IOException {
        Tracing.start();
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        String host = System.getenv().getOrDefault("LISTEN_HOST", "0.0.0.0");
        HttpServer server = HttpServer.create(new InetSocketAddress(host, port), 128);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", this::serve);
        server.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            Log.info("ending");
            Thread last = new Thread(Tracing::flush);
            last.setDaemon(true);
            last.start();
            try {
                last.join(1000);
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
        }));
        Log.info("listening on " + port + ", version " + System.getenv().getOrDefault("SERVICE_VERSION", "0"));
    }

    private void serve(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        if (path.equals("/metrics")) {
            send(exchange, 200, Metrics.exposition(), "text/plain; version=0.0.4");
        } else if (path.equals("/health")) {
            send(exchange, 200, "{\"status\": \"ok\"}", "application/json");
        } else {
            Answer answer = answer(exchange, path);
            send(exchange, answer.status(), Json.write(answer.body()), "application/json");
        }
    }

    private Answer answer(HttpExchange exchange, String path) throws IOException {
        String text = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        for (Page page : pages) {
            Matcher match = page.pattern().matcher(path);
            if (page.method().equals(exchange.getRequestMethod()) && match.matches()) {
                Map<String, String> names = new LinkedHashMap<>();
                for (int place = 0; place < page.names().size(); place++) {
                    names.put(page.names().get(place), match.group(place + 1));
                }
                return timed(page, path, names, text, exchange.getRequestHeaders().getFirst("traceparent"));
            }
        }
        return new Answer(404, Map.of("error", "no such page"));
    }

    private Answer timed(Page page, String path, Map<String, String> names, String text, String traceparent) {
        long began = System.nanoTime();
        Answer answer = new Answer(500, Map.of("error", "internal error"));
        active.incrementAndGet();
        try {
            answer = Tracing.below(traceparent, page.method() + " " + page.template(), about(page, path), span -> {
                workers.acquire();
                try {
                    return handled(page, names, text, span);
                } finally {
                    workers.release();
                }
            });
        } catch (Exception error) {
            Log.error("a request was given up: " + error, error);
        } finally {
            active.decrementAndGet();
            String labels = Metrics.labels("http_request_method", page.method(), "http_route", page.template(),
                    "http_response_status_code", answer.status());
            Metrics.SERVED.observe((System.nanoTime() - began) / 1e9, labels);
        }
        return answer;
    }

    private static Map<String, Object> about(Page page, String path) {
        String name = page.owner().getClass().getName();
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("http.request.method", page.method());
        about.put("http.route", page.template());
        about.put("url.path", path);
        about.put("code.function.name", name + "." + page.handler().getName());
        about.put("code.file.path", name.replace('.', '/') + ".java");
        return about;
    }

    private static Answer handled(Page page, Map<String, String> names, String text, Tracing.Span span) throws Exception {
        Answer answer;
        try {
            Map<String, Object> body = text.isEmpty() ? Map.of() : Json.object(text);
            answer = new Answer(200, page.handler().invoke(page.owner(), new Request(names, body)));
        } catch (IllegalArgumentException error) {
            answer = new Answer(400, Map.of("error", "the body is not JSON"));
        } catch (InvocationTargetException error) {
            answer = failed(error.getCause(), span);
        }
        span.set("http.response.status_code", answer.status());
        return answer;
    }

    private static Answer failed(Throwable cause, Tracing.Span span) {
        if (cause instanceof Refused refused) {
            if (refused.status >= 500) {
                span.failed(refused);
            }
            return new Answer(refused.status, Map.of("error", String.valueOf(refused.getMessage())));
        }
        if (cause instanceof Error) {
            Log.error("ending after " + cause, cause);
            Runtime.getRuntime().halt(1); // out of memory: nothing that goes on can be trusted
        }
        span.failed(cause);
        Log.error("unhandled " + cause.getClass().getSimpleName() + ": " + cause.getMessage(), cause);
        return new Answer(500, Map.of("error", "internal error"));
    }

    private static void send(HttpExchange exchange, int status, String text, String kind) throws IOException {
        byte[] data = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", kind);
        exchange.getResponseHeaders().set("Connection", "close");
        exchange.sendResponseHeaders(status, data.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(data);
        }
    }
}
