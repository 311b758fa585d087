"""What models cost: budgets, reservations, and what was used."""
