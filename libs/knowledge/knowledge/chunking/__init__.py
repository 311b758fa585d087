"""Cutting a normalised text into passages, with exact offsets into it."""

from knowledge.chunking.cut import cut
from knowledge.chunking.passage import Passage, Sizes
from knowledge.chunking.tokens import count_tokens

__all__ = ["Passage", "Sizes", "count_tokens", "cut"]
