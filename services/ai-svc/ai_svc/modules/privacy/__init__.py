"""What ai-svc keeps about a person: said, counted, and erased when core-api asks for it."""
