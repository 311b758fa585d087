"""Search: the passages of an organization's documents that answer a question."""

from knowledge.search.passages import Passage, QueryEmbedding, SearchFilters, SearchQuery
from knowledge.search.searching import embed_question, search

__all__ = [
    "Passage",
    "QueryEmbedding",
    "SearchFilters",
    "SearchQuery",
    "embed_question",
    "search",
]
