package pricing;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javaruntime.Refused;
import javaruntime.Request;
import javaruntime.Route;

/** Quotes: what goods cost today, with tax, handling and the season's discount. */
public final class Quotes {

    private final Rates rates = new Rates();

    /** Prices every line: the catalog's cents and the rates of today. */
    @Route(method = "POST", path = "/quotes")
    public Map<String, Object> quote(Request request) throws Exception {
        if (!(request.body().get("items") instanceof List<?> lines)) {
            throw new Refused(400, "items are missing");
        }
        List<Map<String, Object>> items = new ArrayList<>();
        long total = 0;
        for (Object line : lines) {
            Map<?, ?> item = (Map<?, ?>) line;
            long cents = price(((Number) item.get("cents")).longValue());
            total += cents * ((Number) item.get("count")).longValue();
            items.add(Map.of("product", item.get("product"), "cents", cents));
        }
        return Map.of("items", items, "total", total);
    }

    private long price(long cents) throws Exception {
        long permille = 1000 + rates.permille("tax") + rates.permille("handling") + rates.permille("season");
        return Math.round(cents * permille / 1000.0);
    }
}
