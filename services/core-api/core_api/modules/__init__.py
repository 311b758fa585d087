"""The contexts of the CRM. One imports another's `service` and `events` only."""
