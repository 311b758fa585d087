"""Canned replies with variables, and macros: several actions on a ticket at once."""
