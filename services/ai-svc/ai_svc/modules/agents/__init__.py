"""The agents: whose question it is, what they may use, and the run that answers it."""
