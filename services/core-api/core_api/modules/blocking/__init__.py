"""Blocking: data is kept and not used, for one purpose or for any (LGPD Art. 18 IV and § 2)."""
