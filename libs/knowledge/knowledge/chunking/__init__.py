"""Cutting a normalised text into passages, with exact offsets into it."""

from knowledge.chunking.cut import cut, structured, suited
from knowledge.chunking.cutting import Cutting
from knowledge.chunking.passage import LARGEST_CHUNK, SMALLEST_CHUNK, Passage, Sizes
from knowledge.chunking.tokens import count_tokens

__all__ = [
    "LARGEST_CHUNK",
    "SMALLEST_CHUNK",
    "Cutting",
    "Passage",
    "Sizes",
    "count_tokens",
    "cut",
    "structured",
    "suited",
]
