"""What core-api knows that decides who may read a document, and what of it may leave: teams,
merged clients, purposes, consents, blocks, transfers."""
