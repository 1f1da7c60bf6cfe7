"""A small shop: twelve services in three languages, configured by environment variables (`compose.yaml`)."""
