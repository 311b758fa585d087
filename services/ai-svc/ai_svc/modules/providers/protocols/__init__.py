"""One module per protocol. Each loads its client, so it is imported only where it is configured."""
