"""The edge of a service: how a request becomes a use case, and its result or error an answer."""
