"""A small shop: six services over HTTP, standard library only, configured by environment variables (`compose.yaml`)."""
