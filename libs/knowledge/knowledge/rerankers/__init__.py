"""Putting the passages of a search into a better order, behind one small port. Off by default."""

from knowledge.rerankers.port import Reranker, RerankingFailed

__all__ = ["Reranker", "RerankingFailed"]
