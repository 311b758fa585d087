"""Search: the passages of an organization's documents that meet a query best."""
