"""Many documents submitted at once, with one summary of what became of each."""
