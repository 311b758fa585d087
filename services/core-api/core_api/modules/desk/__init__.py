"""How an organization wants its service desk to behave."""
