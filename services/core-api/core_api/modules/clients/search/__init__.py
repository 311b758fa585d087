"""Finding clients as a person expects."""
