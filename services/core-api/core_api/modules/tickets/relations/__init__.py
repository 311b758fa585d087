"""What ties tickets together, and people to them: links, merges, splits, watchers."""
