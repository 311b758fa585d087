"""Who is asking, and may they: access tokens, internal keys, permissions."""
