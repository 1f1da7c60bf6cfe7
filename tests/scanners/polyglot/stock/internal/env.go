package internal

import (
	"log"
	"os"
	"strconv"
)

// GetEnv returns the variable or a default.
func GetEnv(key, fallback string) string {
	if value, ok := os.LookupEnv(key); ok {
		return value
	}
	return fallback
}

// MustEnv stops the process when a variable, such as "STOCK_EXAMPLE", is absent.
func MustEnv(key string) string {
	value := os.Getenv(key)
	if value == "" {
		log.Fatalf("environment variable %s not set", key)
	}
	return value
}

// Workers says how many goroutines drain the queue.
func Workers() int {
	n, err := strconv.Atoi(os.Getenv("STOCK_WORKERS"))
	if err != nil {
		return 4
	}
	return n
}
