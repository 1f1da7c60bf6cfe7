package shop.loyalty

import dev.openfeature.sdk.OpenFeatureAPI
import io.ktor.client.HttpClient
import io.ktor.client.call.body
import io.ktor.client.engine.cio.CIO
import io.ktor.client.request.get
import io.ktor.client.request.post
import io.ktor.client.request.setBody
import io.ktor.server.application.call
import io.ktor.server.engine.embeddedServer
import io.ktor.server.netty.Netty
import io.ktor.server.response.respond
import io.ktor.server.routing.get
import io.ktor.server.routing.routing
import org.slf4j.LoggerFactory

private val log = LoggerFactory.getLogger("loyalty")
private val http = HttpClient(CIO)
private val flags = OpenFeatureAPI.getInstance().client
private val campaignUrl = System.getenv("CAMPAIGN_URL") ?: "http://campaign:8080"

fun main() {
    val port = System.getenv("LOYALTY_PORT")?.toInt() ?: 8080
    embeddedServer(Netty, port = port) {
        routing {
            get("/points/{user}") {
                call.respond(points(call.parameters["user"]!!))
            }
        }
    }.start(wait = true)
}

suspend fun points(user: String): Int {
    val base = Store.load(user)
    if (flags.getBooleanValue("loyalty-double-points", false)) {
        return base * 2
    }
    val factor = flags.getDoubleValue("loyalty-factor", 1.0)
    log.info("no flag 'loyalty-triple-points' (System.getenv(\"LOYALTY_IN_STRING\") neither)")
    return (base * factor).toInt()
}

suspend fun campaigns(): List<String> = http.get("$campaignUrl/active").body()

suspend fun tell(user: String, points: Int) {
    http.post("http://letters:4567/mail") {
        setBody("$user has $points")
    }
}

/* Kept for later: http.get("http://removed.example/old") */
suspend fun probe(url: String): String = http.get(url).body()
