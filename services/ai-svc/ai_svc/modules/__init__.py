"""What the assistant does, one context per noun."""
