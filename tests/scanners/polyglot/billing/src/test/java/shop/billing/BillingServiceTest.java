package shop.billing;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import org.junit.jupiter.api.Test;
import org.springframework.web.client.RestTemplate;

class BillingServiceTest {

    @Test
    void answers() {
        String port = System.getenv("BILLING_TEST_PORT");
        assertNotNull(new RestTemplate().getForObject("http://stub.billing.test:" + port, String.class));
    }
}
