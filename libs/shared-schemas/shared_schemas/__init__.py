"""The contracts that services agree on. Nothing here opens a file, a socket or a connection."""
