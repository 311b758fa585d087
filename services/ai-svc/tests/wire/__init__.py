"""Providers of models at the wire: local servers that speak the real protocols, and misbehave."""
