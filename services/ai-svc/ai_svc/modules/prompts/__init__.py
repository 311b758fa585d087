"""Which version of each prompt an organization uses, and who said so."""
