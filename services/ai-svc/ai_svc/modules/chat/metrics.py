"""What conversations tell Prometheus."""

from typing import Final

from prometheus_client import Counter, Gauge

RUNS: Final = Counter("chat_runs_total", "Answers of conversations, by how they ended", ["ended"])
RUNNING: Final = Gauge("chat_runs_running", "Answers being written by this process")
FEEDBACK: Final = Counter("chat_feedback_total", "Judgements of answers", ["rating"])
