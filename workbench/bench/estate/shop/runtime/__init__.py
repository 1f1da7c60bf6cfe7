"""What every service of the shop is made of: serving, calling, metrics, spans, log lines, a pool of connections."""
