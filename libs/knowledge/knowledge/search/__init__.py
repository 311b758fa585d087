"""Search: the passages of an organization's documents that answer a question."""

from knowledge.search.passages import Expansion, Found, Passage, SearchFilters, SearchQuery
from knowledge.search.searching import Searcher

__all__ = ["Expansion", "Found", "Passage", "SearchFilters", "SearchQuery", "Searcher"]
