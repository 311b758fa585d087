"""Texts to vectors, behind one small port."""

from knowledge.embedders.port import Embedder, EmbeddingFailed, Idf, Vector, Vectors

__all__ = ["Embedder", "EmbeddingFailed", "Idf", "Vector", "Vectors"]
