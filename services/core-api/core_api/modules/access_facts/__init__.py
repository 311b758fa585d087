"""What another service keeps in mind of teams, consents and merges, read as it stands."""
