"""The register of international transfers (LGPD Art. 33, Res. CD/ANPD 19/2024)."""
