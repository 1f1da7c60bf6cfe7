package pricing;

import javaruntime.Peer;

/** What pricing is told by its environment. */
final class Config {

    private Config() {}

    static Peer ledger() {
        return new Peer(System.getenv("LEDGER_URL"), Integer.parseInt(System.getenv().getOrDefault("LEDGER_TIMEOUT_MS", "1000")));
    }

    static long ratesLifetimeMs() {
        return 1000 * Long.parseLong(System.getenv().getOrDefault("RATES_TTL_S", "20"));
    }
}
