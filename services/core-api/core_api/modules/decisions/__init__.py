"""Decisions taken by automated means, and their review by a person (LGPD Art. 20)."""
