"""From untrusted bytes to normalised text. Imports nothing else of the system: it is sandboxed."""
