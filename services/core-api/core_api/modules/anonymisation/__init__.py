"""Anonymisation: nobody can tell any more whose data it was; statistics stay (LGPD Art. 12, 18)."""
