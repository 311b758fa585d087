"""What is forgotten with time, when worker-svc says it is time."""
