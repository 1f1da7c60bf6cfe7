package pricing;

import java.util.Map;
import javaruntime.Flags;
import javaruntime.Log;
import javaruntime.Metrics;
import javaruntime.Peer;

/** The rates that prices are made of: asked of the ledger, kept for a while. */
final class Rates {

    private final Peer ledger = Config.ledger();
    private final Flags.Client flags = Flags.getClient();
    private final Metrics.Counter asked = new Metrics.Counter("cache_requests_total");
    private Map<?, ?> kept = Map.of();
    private long until;

    /** Returns a rate in thousandths. */
    long permille(String name) throws Exception {
        return ((Number) current().get(name)).longValue();
    }

    private synchronized Map<?, ?> current() throws Exception {
        boolean fresh = flags.getBooleanValue("fresh-prices", false);
        if (!fresh && System.currentTimeMillis() < until) {
            asked.add(Metrics.labels("result", "hit"));
            return kept;
        }
        asked.add(Metrics.labels("result", "miss"));
        kept = (Map<?, ?>) ledger.get("/rates").get("rates");
        until = System.currentTimeMillis() + Config.ratesLifetimeMs();
        if (!fresh) {
            Log.info("rates read: " + kept);
        }
        return kept;
    }
}
