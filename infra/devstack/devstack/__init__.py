"""The whole production topology as ordinary processes: the `cogep` command."""
