"""Clients from CSV files: uploaded here, read by worker-svc, applied here batch by batch."""
