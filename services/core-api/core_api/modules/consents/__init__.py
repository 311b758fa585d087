"""Purposes of processing, their notices, and what clients decided about them (LGPD Art. 7 to 9)."""
