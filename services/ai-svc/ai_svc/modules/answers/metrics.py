"""What recorded answers tell Prometheus."""

from typing import Final

from prometheus_client import Counter

CACHE: Final = Counter("rag_answer_cache_total", "Questions looked up in the cache", ["result"])
FEEDBACK: Final = Counter("rag_answer_feedback_total", "Judgements of answers", ["rating"])
