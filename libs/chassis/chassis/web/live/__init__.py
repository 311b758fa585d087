"""Live updates: events read once per process, told to every connection that may hear of them."""
