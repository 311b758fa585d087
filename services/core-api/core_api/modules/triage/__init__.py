"""What the assistant proposes for a new ticket, and what people, or their settings, make of it."""
