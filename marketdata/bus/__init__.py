"""All that knows Redis: between ingest, which publishes, and the web processes, which read."""
