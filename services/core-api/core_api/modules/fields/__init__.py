"""Fields an organization defines for itself, on clients and on tickets."""
