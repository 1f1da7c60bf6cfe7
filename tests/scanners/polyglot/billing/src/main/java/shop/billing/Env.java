package shop.billing;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import org.apache.kafka.clients.producer.KafkaProducer;
import java.util.Properties;

/** What the process takes from its environment; "BILLING_SAMPLE" here is only an example of a name. */
final class Env {

    private Env() {}

    static String require(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set");
        }
        return value;
    }

    static Connection connect() throws SQLException {
        return DriverManager.getConnection(require("BILLING_JDBC_URL"), "billing", require("BILLING_DB_PASSWORD"));
    }

    static KafkaProducer<String, String> producer() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", "broker.shop.internal:9092");
        settings.put("acks", System.getenv("BILLING_ACKS"));
        return new KafkaProducer<>(settings);
    }

    static ProcessBuilder export() {
        ProcessBuilder builder = new ProcessBuilder("export.sh");
        builder.environment().put("BILLING_EXPORT_DIR", "/tmp");
        return builder;
    }
}
