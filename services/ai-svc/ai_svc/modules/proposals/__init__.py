"""What the assistant would like to change, until the person it was shown to confirms or declines."""
