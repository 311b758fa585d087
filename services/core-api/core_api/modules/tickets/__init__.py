"""Requests of clients, from opening to closing."""
