"""What accountability is due when, across its registers: shown to people, and warned of once."""
