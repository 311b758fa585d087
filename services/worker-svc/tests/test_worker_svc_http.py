"""The worker's HTTP side: health and metrics, nothing else."""

import pytest
from redis.asyncio import Redis
from worker_svc_factories import running_worker

from worker_svc.settings import WorkerAppSettings


async def test_it_is_healthy_and_ready(worker_settings: WorkerAppSettings, redis: Redis) -> None:
    async with running_worker(worker_settings) as client:
        alive = await client.get("/health")
        ready = await client.get("/health/ready")
    assert (alive.status_code, alive.json()["service"]) == (200, "worker-svc")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")


async def test_its_metrics_tell_of_ingestion(
    worker_settings: WorkerAppSettings, redis: Redis
) -> None:
    async with running_worker(worker_settings) as client:
        metrics = (await client.get("/metrics")).text
    assert "ingestion_stage_duration_seconds" in metrics
    assert "ingestion_chunks_indexed_total" in metrics


@pytest.mark.parametrize("path", ["/", "/api/v1/me", "/internal/v1/maintenance/prune"])
async def test_there_is_nothing_else(
    worker_settings: WorkerAppSettings, redis: Redis, path: str
) -> None:
    async with running_worker(worker_settings) as client:
        assert (await client.post(path)).status_code == 404
