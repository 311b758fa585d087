"""The assistant: retrieval and answers with verifiable citations."""
