"""Quotes to the bus: enriched, numbered, encoded once, flushed under the lease."""
