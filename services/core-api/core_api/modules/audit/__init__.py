"""Who did what, when, to which thing: ids and field names only, never personal data."""
