"""Saved views: a filter of tickets with its order and columns, of one person or shared."""
