"""Calling other services over HTTP."""
