"""The organization's documents: submitted, followed, read, deleted."""
