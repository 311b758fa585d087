"""What another service keeps in mind of teams, merges, purposes, consents, blocks and transfers,
read as it stands."""
