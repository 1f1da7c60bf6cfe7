package payment;

import java.util.Map;
import javaruntime.Log;
import javaruntime.Peer;
import javaruntime.Refused;
import javaruntime.Request;
import javaruntime.Route;
import javaruntime.Slots;

/** Charges: authorise the card, book the entry; both while holding a place of the pool, so that a charge is whole. */
public final class Charges {

    private final Peer ledger = Config.ledger();
    private final Slots pool = Config.pool();

    /** Charges a card. */
    @Route(method = "POST", path = "/charges")
    public Map<String, Object> charge(Request request) throws Exception {
        if (!(request.body().get("cents") instanceof Number amount) || !(request.body().get("order") instanceof String order)) {
            throw new Refused(400, "an order and its cents are needed");
        }
        return pool.in(() -> captured(order, amount.longValue()));
    }

    private Map<String, Object> captured(String order, long cents) throws Exception {
        Cards.authorise(cents);
        Object entry = ledger.post("/entries", Map.of("reference", order, "cents", cents)).get("entry");
        Log.info("charge of " + cents + " cents captured, entry " + entry);
        return Map.of("receipt", "r-" + entry);
    }
}
