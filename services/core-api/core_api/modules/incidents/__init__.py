"""Security incidents with personal data: register, clock, notices, delivery (LGPD Art. 48)."""
