"""Retention: what becomes of data once its purposes are over (LGPD Art. 15 and 16)."""
