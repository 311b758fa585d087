"""Live updates: what happens in an organization, told at once to the people who may see it."""
