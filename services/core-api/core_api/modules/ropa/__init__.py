"""The record of processing activities, and the data of impact reports, from the registry."""
