"""Erasing a person from every store of every service (LGPD Art. 16, Art. 18 IV and VI)."""
