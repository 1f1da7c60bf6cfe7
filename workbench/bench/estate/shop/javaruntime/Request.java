package javaruntime;

import java.util.Map;

/** What a route gets: the names in its path, and the JSON body. */
public record Request(Map<String, String> path, Map<String, Object> body) {}
