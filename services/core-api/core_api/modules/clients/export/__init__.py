"""Clients as CSV."""
