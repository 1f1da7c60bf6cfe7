package shop.billing;

import dev.openfeature.sdk.Client;
import dev.openfeature.sdk.OpenFeatureAPI;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Service;
import org.springframework.web.client.RestTemplate;

@Service
public class BillingService {

    private static final Logger log = LoggerFactory.getLogger(BillingService.class);
    private static final String REGION = System.getenv("BILLING_REGION");

    private final Client flags = OpenFeatureAPI.getInstance().getClient();
    private final RestTemplate rest = new RestTemplate();

    @Value("${LEDGER_URL:http://ledger:8080}")
    private String ledgerUrl;

    public BigDecimal tax(String country) {
        String host = System.getenv().getOrDefault("TAX_HOST", "tax");
        return rest.getForObject("http://" + host + ":8090/tax/" + country, BigDecimal.class);
    }

    public void post(Invoice invoice) {
        rest.postForEntity(ledgerUrl + "/entries", invoice, Void.class);
    }

    public String charge(Invoice invoice) throws Exception {
        if (flags.getBooleanValue("billing-new-gateway", false)) {
            HttpRequest request = HttpRequest.newBuilder()
                    .uri(URI.create("https://pay.cardhouse.example/v1/charges"))
                    .header("Authorization", Env.require("CARDHOUSE_KEY"))
                    .POST(HttpRequest.BodyPublishers.ofString(invoice.toString()))
                    .build();
            return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
        }
        // flags.getBooleanValue("billing-old-gateway", true) was removed in March
        log.info("flag {} is off", "billing-dark-launch");
        return flags.getStringValue("billing-receipt-style", "plain");
    }

    public ManagedChannel loyaltyChannel() {
        String target = Optional.ofNullable(System.getenv("LOYALTY_ADDR")).orElse("loyalty:50051");
        return ManagedChannelBuilder.forTarget(target).usePlaintext().build();
    }

    public ManagedChannel channelTo(String host, int port) {
        return ManagedChannelBuilder.forAddress(host, port).usePlaintext().build();
    }

    String region() {
        return REGION;
    }
}
