defmodule Tracking.Events do
  @moduledoc """
  Where a parcel is. The manual names `System.get_env("TRACKING_IN_DOC")`, which nobody reads.
  """

  require Logger
  alias OpenFeature.Client

  @weather_url "http://weather.outside.example/v1"

  def where(parcel) do
    url = Application.fetch_env!(:tracking, :carrier_url)
    Req.get!("#{url}/parcels/#{parcel}").body
  end

  def weather(city) do
    Req.get!(@weather_url <> "/now", params: [city: city]).body
  end

  def late?(client, parcel) do
    if Client.get_boolean_value(client, "tracking-late-mails", false) do
      Logger.info("flag tracking-early-mails is not read")
      notify(parcel)
    end
  end

  def notify(parcel) do
    {:ok, %{status: 202}} =
      Req.post(env("LETTERS_URL") <> "/mail", json: %{parcel: parcel})

    :ok
  end

  def stock_channel do
    {:ok, channel} = GRPC.Stub.connect(System.fetch_env!("TRACKING_STOCK_ADDR"))
    channel
  end

  def cache do
    {:ok, conn} = Redix.start_link(host: "tracking-redis", port: 6379)
    conn
  end

  def probe(url), do: Req.get!(url).status

  def mark(parcel) do
    System.put_env("TRACKING_LAST", parcel)
  end

  defp env(name) do
    System.get_env(name) || raise("#{name} is not set")
  end
end
