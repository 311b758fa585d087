"""Deliveries: mails that are to go out, how far each has come, and what proves that it went."""
