"""Requests of data subjects (LGPD Art. 18), from coming in to being closed."""
