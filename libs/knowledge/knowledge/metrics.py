"""What ingestion tells Prometheus, beside the queue's own metrics."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

STAGE_DURATION: Final = Histogram(
    "ingestion_stage_duration_seconds",
    "Time a document spent in a stage",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
DOCUMENTS_INDEXED: Final = Counter(
    "ingestion_documents_indexed_total", "Documents that can be searched since the start"
)
CHUNKS_INDEXED: Final = Counter("ingestion_chunks_indexed_total", "Chunks written")
DOCUMENTS_REFUSED: Final = Counter(
    "ingestion_documents_refused_total", "Documents that ended as failed", ["code"]
)
CHUNKS_REEMBEDDED: Final = Counter(
    "knowledge_chunks_reembedded_total", "Vectors replaced by those of a newer model"
)
INDEX_FAULTS: Final = Gauge(
    "knowledge_index_faults", "What the last check of the index found; always 0", ["kind"]
)
