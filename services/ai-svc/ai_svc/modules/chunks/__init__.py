"""Passages of documents: seen, tried out, corrected, switched off."""
