"""The contexts of the CRM. One may import another's `service` and `events`, and nothing else of it."""
