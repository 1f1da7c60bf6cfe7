package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"

	_ "github.com/lib/pq"
	"github.com/open-feature/go-sdk/openfeature"
	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/shop/stock/internal"
	pb "example.com/shop/stock/proto"
)

type server struct {
	pb.UnimplementedStockServer
	db      *sql.DB
	cache   *redis.Client
	pricing pb.PricingClient
	flags   *openfeature.Client
}

func main() {
	port := internal.GetEnv("STOCK_PORT", "7070")
	db, err := sql.Open("postgres", internal.MustEnv("STOCK_DB_DSN"))
	if err != nil {
		slog.Error("cannot open database", "error", err)
		os.Exit(1)
	}
	pricing, err := dialPricing()
	if err != nil {
		slog.Error("cannot reach PRICING_ADDR", "error", err)
		os.Exit(1)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf(":%s", port))
	if err != nil {
		slog.Error("cannot listen", "error", err)
		os.Exit(1)
	}
	s := grpc.NewServer()
	pb.RegisterStockServer(s, &server{db: db, cache: newCache(), pricing: pricing, flags: openfeature.NewClient("stock")})
	// os.Setenv is for the child only: STOCK_CHILD is never read here.
	os.Setenv("STOCK_CHILD", "yes")
	_ = s.Serve(listener)
}

func dialPricing() (pb.PricingClient, error) {
	addr := os.Getenv("PRICING_ADDR")
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return pb.NewPricingClient(conn), nil
}

func newCache() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: "stock-cache:6379",
		DB:   0,
	})
}

func (s *server) Reserve(ctx context.Context, in *pb.ReserveRequest) (*pb.ReserveReply, error) {
	strict, _ := s.flags.BooleanValue(ctx, "stock-strict-reserve", false, openfeature.EvaluationContext{})
	if strict {
		slog.Info("flag on", "flag", "stock-loose-reserve")
	}
	if err := s.notify(ctx, in.Sku); err != nil {
		return nil, err
	}
	return &pb.ReserveReply{Reserved: true}, nil
}

func (s *server) notify(ctx context.Context, sku string) error {
	url := fmt.Sprintf("http://warehouse.shop.svc.cluster.local:8080/moved/%s", sku)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func fetch(url string) (*http.Response, error) {
	return http.Get(url)
}
