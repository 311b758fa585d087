"""Documents, from submission to the passage that answers; shared by ai-svc and worker-svc."""
