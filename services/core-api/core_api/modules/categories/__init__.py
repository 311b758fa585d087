"""What tickets are about: one tree per organization."""
