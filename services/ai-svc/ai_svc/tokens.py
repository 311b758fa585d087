"""What everything that asks a model does alike: the counting of tokens."""

from typing import Final

from prometheus_client import Counter

TOKENS: Final = Counter("ai_tokens_total", "Tokens used", ["model", "type"])


def used(model: str, *, prompt: int, completion: int) -> None:
    """Counts what a model says a call has used."""
    TOKENS.labels(model, "prompt").inc(prompt)
    TOKENS.labels(model, "completion").inc(completion)
