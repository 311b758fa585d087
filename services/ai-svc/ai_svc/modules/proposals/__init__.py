"""What the assistant would like to change, until who it was shown to confirms or declines."""
