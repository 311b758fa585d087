"""What the assistant remembers: the conversation, earlier ones, and facts it was told to keep."""
