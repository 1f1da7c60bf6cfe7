package javaruntime;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** Another service: where it is, and for how long we wait. 4xx passes on, 5xx becomes a 502, silence a 504. */
public final class Peer {

    private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final String url;
    private final int timeout;

    /** Takes milliseconds. */
    public Peer(String url, int timeout) {
        this.url = url;
        this.timeout = timeout;
    }

    public Map<String, Object> get(String path) throws Exception {
        return call("GET", path, null);
    }

    public Map<String, Object> post(String path, Map<String, Object> body) throws Exception {
        return call("POST", path, Json.write(body));
    }

    private Map<String, Object> call(String method, String path, String body) throws Exception {
        URI target = URI.create(url + path);
        String name = target.getHost();
        String route = target.getPath().replaceAll("/[^/]*[0-9][^/]*", "/{id}");
        long began = System.nanoTime();
        String[] status = {"error"};
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("http.request.method", method);
        about.put("server.address", name);
        about.put("server.port", target.getPort());
        about.put("url.path", target.getPath());
        try {
            return Tracing.inSpan(method + " " + route, "client", about, span -> {
                HttpResponse<String> response = answer(method, target, body, span.traceparent());
                status[0] = String.valueOf(response.statusCode());
                span.set("http.response.status_code", response.statusCode());
                return accepted(response, name);
            });
        } catch (HttpTimeoutException error) {
            status[0] = "timeout";
            Log.error(method + " " + route + " on " + name + " timed out after " + timeout + " ms");
            throw new Refused(504, name + " timed out");
        } catch (IOException error) {
            Log.error(method + " " + route + " on " + name + " failed: " + reason(error));
            throw new Refused(502, name + " cannot be reached");
        } finally {
            String labels = Metrics.labels("server_address", name, "http_response_status_code", status[0]);
            Metrics.CALLED.observe((System.nanoTime() - began) / 1e9, labels);
        }
    }

    private static String reason(IOException error) {
        return error.getClass().getSimpleName() + (error.getMessage() == null ? "" : ": " + error.getMessage());
    }

    /** Tries once more where the connection was refused: the other one restarts. */
    private HttpResponse<String> answer(String method, URI target, String body, String traceparent) throws Exception {
        try {
            return once(method, target, body, traceparent);
        } catch (ConnectException error) {
            Thread.sleep(50);
            return once(method, target, body, traceparent);
        }
    }

    private HttpResponse<String> once(String method, URI target, String body, String traceparent) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(Resolving.resolve(target))
                .timeout(Duration.ofMillis(timeout))
                .header("Content-Type", "application/json")
                .header("traceparent", traceparent)
                .method(method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body))
                .build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private static Map<String, Object> accepted(HttpResponse<String> response, String peer) {
        Map<String, Object> reply = response.body().isEmpty() ? Map.of() : Json.object(response.body());
        int code = response.statusCode();
        if (code < 400) {
            return reply;
        }
        String reason = String.valueOf(reply.getOrDefault("error", ""));
        if (code < 500) {
            throw new Refused(code, reason);
        }
        Log.error(peer + " answered " + code + ": " + reason);
        throw new Refused(502, peer + " answered " + code);
    }
}
