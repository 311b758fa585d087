"""What core-api knows that decides who may read a document: teams, consents, merged clients."""
