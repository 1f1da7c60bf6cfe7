package main

import (
	"net/http"
	"os"
	"testing"

	"example.com/shop/stock/internal"
)

func TestGetEnvFallsBack(t *testing.T) {
	os.Unsetenv("STOCK_TEST_ONLY")
	if got := internal.GetEnv("STOCK_TEST_ONLY", "x"); got != "x" {
		t.Fatalf("got %q", got)
	}
}

func TestServerAnswers(t *testing.T) {
	if _, err := http.Get("http://fake-stock.test:9999/health"); err == nil {
		t.Fatal("nobody listens there")
	}
}
