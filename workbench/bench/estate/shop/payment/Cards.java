package payment;

import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import javaruntime.Refused;
import javaruntime.Tracing;

/** The card network, as a wait with a long tail: log-normal, as network waits are. */
final class Cards {

    private Cards() {}

    /** Waits for the network's yes; throws where it says no. */
    static void authorise(long cents) throws Exception {
        Tracing.inSpan("authorise card", "internal", Map.of("amount.cents", cents), span -> {
            Thread.sleep((long) (Config.authorisationMs() * Math.exp(0.25 * ThreadLocalRandom.current().nextGaussian())));
            if (ThreadLocalRandom.current().nextDouble() < Config.declineRate()) {
                throw new Refused(402, "the card was declined");
            }
            return null;
        });
    }
}
