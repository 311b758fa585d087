"""What the assistant can do: typed skills, within the rights of the person who asks."""
