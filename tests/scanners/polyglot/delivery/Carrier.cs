using System;
using System.Net.Http;
using System.Net.Http.Json;
using System.Threading.Tasks;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using OpenFeature;

namespace Shop.Delivery;

public class Carrier
{
    private readonly IFeatureClient _flags;
    private readonly ILogger<Carrier> _logger;
    private readonly HttpClient _http = new();
    private static readonly string ApiKey = Environment.GetEnvironmentVariable("CARRIER_API_KEY");

    public Carrier(IFeatureClient flags, ILogger<Carrier> logger)
    {
        _flags = flags;
        _logger = logger;
    }

    public async Task<decimal> CostAsync(string country)
    {
        if (await _flags.GetBooleanValueAsync("delivery-flat-rate", false))
        {
            return 4.95m;
        }
        _logger.LogInformation("flag {Flag} is gone", "delivery-express");
        var style = await _flags.GetStringValueAsync("delivery-rounding", "up");
        _http.DefaultRequestHeaders.Add("X-Key", ApiKey);
        var cost = await _http.GetFromJsonAsync<decimal>($"https://rates.parcelco.example/v3/{country}");
        return style == "up" ? Math.Ceiling(cost) : cost;
    }

    public GrpcChannel LabelsChannel()
    {
        var address = Env.Required("LABELS_ADDR");
        return GrpcChannel.ForAddress($"http://{address}");
    }

    public Task<string> Probe(string url) => _http.GetStringAsync(url);
}

internal static class Env
{
    public static string Required(string name) =>
        Environment.GetEnvironmentVariable(name)
        ?? throw new InvalidOperationException($"{name} is not set");
}
