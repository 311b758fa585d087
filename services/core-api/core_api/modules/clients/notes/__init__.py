"""What attendants note about a client."""
