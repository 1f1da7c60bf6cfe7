package payment;

import javaruntime.Peer;
import javaruntime.Slots;

/** What payment is told by its environment. */
final class Config {

    private Config() {}

    static Peer ledger() {
        return new Peer(System.getenv("LEDGER_URL"), Integer.parseInt(System.getenv().getOrDefault("LEDGER_TIMEOUT_MS", "1500")));
    }

    static Slots pool() {
        int size = Integer.parseInt(System.getenv().getOrDefault("POOL_SIZE", "12"));
        return new Slots(size, Integer.parseInt(System.getenv().getOrDefault("POOL_TIMEOUT_MS", "1000")));
    }

    static double declineRate() {
        return Double.parseDouble(System.getenv().getOrDefault("DECLINE_RATE", "0.01"));
    }

    static double authorisationMs() {
        return Double.parseDouble(System.getenv().getOrDefault("AUTHORISATION_MS", "45"));
    }
}
