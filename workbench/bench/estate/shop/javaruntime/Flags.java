package javaruntime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;

/** Feature flags in flagd's file format, read anew when the file changes; asked as OpenFeature asks. */
public final class Flags {

    /** What a service asks. */
    public static final class Client {

        private FileTime read = FileTime.fromMillis(0);
        private Map<?, ?> flags = Map.of();

        public boolean getBooleanValue(String key, boolean defaultValue) {
            return value(key) instanceof Boolean found ? found : defaultValue;
        }

        private synchronized Object value(String key) {
            String path = System.getenv("FLAGS_FILE");
            if (path == null || !Files.exists(Path.of(path))) {
                return null;
            }
            try {
                FileTime changed = Files.getLastModifiedTime(Path.of(path));
                if (!changed.equals(read)) {
                    flags = (Map<?, ?>) Json.object(Files.readString(Path.of(path))).get("flags");
                    read = changed;
                }
            } catch (IOException error) {
                return null;
            }
            if (!(flags.get(key) instanceof Map<?, ?> flag) || !"ENABLED".equals(flag.get("state"))) {
                return null;
            }
            return ((Map<?, ?>) flag.get("variants")).get(flag.get("defaultVariant"));
        }
    }

    private Flags() {}

    public static Client getClient() {
        return new Client();
    }
}
