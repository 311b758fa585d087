"""Questions: the passages that answer them, and answers that cite these passages exactly."""
