"""What another service keeps in mind of teams, merges, purposes, consents and blocks, read as it
stands."""
