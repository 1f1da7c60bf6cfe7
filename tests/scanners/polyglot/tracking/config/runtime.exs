import Config

# TRACKING_OLD_URL is gone, System.get_env("TRACKING_OLD_URL") with it.
database_url =
  System.get_env("TRACKING_DATABASE_URL") ||
    raise "environment variable TRACKING_DATABASE_URL is missing"

config :tracking, Tracking.Repo,
  url: database_url,
  pool_size: String.to_integer(System.get_env("POOL_SIZE", "10"))

config :tracking, TrackingWeb.Endpoint,
  http: [port: String.to_integer(System.get_env("PORT") || "4000")],
  secret_key_base: System.fetch_env!("SECRET_KEY_BASE")

config :tracking, :carrier_url, System.get_env("TRACKING_CARRIER_URL", "http://carrier:8086")
