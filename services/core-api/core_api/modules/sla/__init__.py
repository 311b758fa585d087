"""Service levels: business calendars, policies, and the ledger that due times come from."""
