"""Speed of the product against the fastest honest thing: `make bench`."""
