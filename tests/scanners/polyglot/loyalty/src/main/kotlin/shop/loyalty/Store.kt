package shop.loyalty

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource
import io.grpc.ManagedChannelBuilder
import io.lettuce.core.RedisClient

data class Settings(
    val redis: String = env("LOYALTY_REDIS", "redis://loyalty-redis:6379"),
    val audit: String = System.getenv("AUDIT_ADDR"),
)

fun env(name: String, default: String): String = System.getenv(name) ?: default

object Store {
    private val settings = Settings()

    private val source by lazy {
        HikariDataSource(
            HikariConfig().apply {
                jdbcUrl = "jdbc:postgresql://loyalty-db:5432/points"
                password = System.getenv("LOYALTY_DB_PASSWORD")
            },
        )
    }

    fun load(user: String): Int {
        source.connection.use { connection ->
            val rows = connection.prepareStatement("select points from balance where owner = ?")
            rows.setString(1, user)
            return rows.executeQuery().let { if (it.next()) it.getInt(1) else 0 }
        }
    }

    fun cache() = RedisClient.create(settings.redis).connect()

    fun audit() = ManagedChannelBuilder.forTarget(settings.audit).usePlaintext().build()
}
