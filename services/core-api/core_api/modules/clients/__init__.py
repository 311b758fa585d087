"""The people and companies an organization serves."""
