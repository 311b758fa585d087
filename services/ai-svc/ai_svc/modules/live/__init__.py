"""Live progress of documents: told at once to the people who may read them."""
