"""A small, real OpenID provider for development: code flow with PKCE, JWTs, rotation, logout."""
