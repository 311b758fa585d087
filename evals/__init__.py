"""How good search and answers are, measured over HTTP on public question sets."""
