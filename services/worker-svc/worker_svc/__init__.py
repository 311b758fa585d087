"""Slow work: ingestion and schedules. Owns no tables."""
