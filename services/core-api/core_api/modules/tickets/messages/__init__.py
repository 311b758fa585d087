"""What is said about a ticket: messages, drafts, edits with their history."""
