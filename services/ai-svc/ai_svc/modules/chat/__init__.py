"""Conversations with the assistant: kept, streamed, resumed, stopped, shared, found again."""
