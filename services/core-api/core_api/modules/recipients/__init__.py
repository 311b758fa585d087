"""Whom data was shared with, told of its correction, deletion, anonymisation or blocking."""
