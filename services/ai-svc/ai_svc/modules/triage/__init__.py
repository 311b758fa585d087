"""Tickets that wait for the assistant's proposal: category, priority, team, draft."""
