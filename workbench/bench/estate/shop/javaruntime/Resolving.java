package javaruntime;

import java.io.IOException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;

/** Where a name of the compose network is, when there is no compose network: the hosts file of one process. */
public final class Resolving {

    private static FileTime read = FileTime.fromMillis(0);
    private static Map<String, Object> table = Map.of();

    private Resolving() {}

    /** Returns the address with the host and port to connect to; a name that the file lacks is unknown. */
    public static synchronized URI resolve(URI address) throws IOException {
        String path = System.getenv("SHOP_HOSTS_FILE");
        if (path == null || path.isEmpty()) {
            return address;
        }
        FileTime changed = Files.getLastModifiedTime(Path.of(path));
        if (!changed.equals(read)) {
            table = Json.object(Files.readString(Path.of(path)));
            read = changed;
        }
        int port = address.getPort() < 0 ? 80 : address.getPort();
        Object found = table.get(address.getHost() + ":" + port);
        if (found == null) {
            throw new UnknownHostException(address.getHost() + ": Name or service not known");
        }
        String query = address.getRawQuery() == null ? "" : "?" + address.getRawQuery();
        return URI.create(address.getScheme() + "://" + found + address.getRawPath() + query);
    }
}
