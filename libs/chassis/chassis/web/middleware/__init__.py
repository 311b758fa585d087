"""What happens to every request before routing and to every answer after it."""
