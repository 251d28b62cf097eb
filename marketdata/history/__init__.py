"""History: from the stream on the bus into its own database, and out again as ticks and bars."""
