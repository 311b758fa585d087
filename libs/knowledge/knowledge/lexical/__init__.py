"""LEX: BM25 over stems, 4-grams and stem bigrams, as one sparse vector per chunk."""

from knowledge.lexical.analyzer import analyze, detect_language, fold, words
from knowledge.lexical.vector import index_chunk

__all__ = ["analyze", "detect_language", "fold", "index_chunk", "words"]
