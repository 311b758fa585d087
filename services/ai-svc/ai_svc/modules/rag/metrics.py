"""What questions tell Prometheus."""

from typing import Final

from prometheus_client import Counter

ANSWERS: Final = Counter(
    "rag_answers_total", "Answers; result is answered or abstained", ["model", "result"]
)
FALLBACKS: Final = Counter(
    "rag_model_fallbacks_total", "Answers the built-in model gave because another could not"
)
KEPT: Final = Counter(
    "rag_evidence_kept_total", "Answers the built-in model gave because the evidence may not leave"
)
STREAMS: Final = Counter(
    "rag_answer_streams_total", "Streamed answers; ended is done, error or aborted", ["ended"]
)
