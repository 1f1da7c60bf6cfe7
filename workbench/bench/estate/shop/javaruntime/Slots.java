package javaruntime;

import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** A pool of places: so many calls at once to something that takes no more; who waits too long is refused. */
public final class Slots {

    private final Semaphore free;
    private final int size;
    private final int timeout;
    private final Metrics.Histogram waited = new Metrics.Histogram("db_client_connections_wait_seconds");

    /** Takes milliseconds. */
    public Slots(int size, int timeout) {
        this.size = size;
        this.timeout = timeout;
        free = new Semaphore(size, true);
        Metrics.gauge("db_client_connections_max", "gauge", () -> size);
        Metrics.gauge("db_client_connections_usage{state=\"used\"}", "gauge", () -> size - free.availablePermits());
        Metrics.gauge("db_client_connections_usage{state=\"idle\"}", "gauge", free::availablePermits);
        Metrics.gauge("db_client_connections_pending_requests", "gauge", free::getQueueLength);
    }

    /** Does work in a place of the pool. */
    public <T> T in(Callable<T> work) throws Exception {
        long began = System.nanoTime();
        boolean taken = free.tryAcquire(timeout, TimeUnit.MILLISECONDS);
        waited.observe((System.nanoTime() - began) / 1e9, "");
        if (!taken) {
            Log.error("no connection after " + timeout + " ms: " + size + " of " + size + " in use");
            throw new Refused(503, "no connection became free");
        }
        try {
            return work.call();
        } finally {
            free.release();
        }
    }
}
