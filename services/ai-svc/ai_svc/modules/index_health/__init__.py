"""Whether what is derived from the documents is complete and of today."""
