"""Sources of documents: configured by an admin, looked at by worker-svc."""
