"""Who is looking at a ticket, or answering it, at this moment: in Redis, and soon forgotten."""
