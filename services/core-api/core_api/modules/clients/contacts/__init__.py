"""E-mail addresses, phones and postal addresses of a client."""
