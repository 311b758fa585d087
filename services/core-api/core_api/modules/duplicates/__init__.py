"""Clients that are entered twice: suggested, joined, and separated again."""
