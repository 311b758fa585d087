"""The assistant for programs that speak OpenAI's protocol: chat completions, embeddings, models."""
