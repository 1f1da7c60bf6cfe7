using System;
using System.Net.Http;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpenFeature;
using StackExchange.Redis;

var builder = WebApplication.CreateBuilder(args);

// DELIVERY_OLD_URL was dropped: Environment.GetEnvironmentVariable("DELIVERY_OLD_URL")
string routesUrl = Environment.GetEnvironmentVariable("ROUTES_URL") ?? "http://routes:8080";
string redisAddress = builder.Configuration["DELIVERY_REDIS_ADDR"];
if (string.IsNullOrEmpty(redisAddress))
{
    Console.WriteLine("DELIVERY_REDIS_ADDR environment variable is required.");
    Environment.Exit(1);
}

builder.Services.AddHttpClient("routes", client =>
{
    client.BaseAddress = new Uri(routesUrl);
});
builder.Services.AddSingleton<IConnectionMultiplexer>(ConnectionMultiplexer.Connect(redisAddress));
builder.Services.AddSingleton(NpgsqlDataSource.Create("Host=delivery-db;Port=5432;Database=delivery"));
builder.Services.AddSingleton<IFeatureClient>(Api.Instance.GetClient("delivery"));
builder.Services.AddSingleton<Carrier>();

Environment.SetEnvironmentVariable("DELIVERY_CHILD", "1");

var app = builder.Build();
app.MapGet("/cost", (string country, Carrier carrier) => carrier.CostAsync(country));
app.Run();
