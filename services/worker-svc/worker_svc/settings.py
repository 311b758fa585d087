"""What worker-svc reads from the environment, beside what every service reads."""

from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceAppSettings, SettingsGroup, StorageSettings
from knowledge.settings import EmbeddingSettings, IngestionSettings, SourceSettings


class ServiceUrlSettings(SettingsGroup):
    """Where the services are that own the rules of periodic work."""

    core_api_url: str
    ai_svc_url: str


class WorkerSettings(SettingsGroup):
    """How much one process takes on."""

    model_config = SettingsConfigDict(env_prefix="WORKER_")

    slots: int = Field(default=8, gt=0, le=64)  # documents at a time
    import_slots: int = Field(default=2, gt=0, le=16)  # files of clients at a time
    sync_slots: int = Field(default=2, gt=0, le=16)  # sources at a time
    poll: timedelta = timedelta(seconds=5)  # when the stream does not wake it
    patience: timedelta = timedelta(seconds=5)  # for jobs under way when it is told to stop
    prune_every: timedelta = timedelta(hours=1)
    check_every: timedelta = timedelta(hours=6)
    rebuild_every: timedelta = timedelta(minutes=15)  # each organization once a day
    sync_sweep_every: timedelta = timedelta(minutes=1)
    sweep_every: timedelta = timedelta(seconds=15)
    anchor_every: timedelta = timedelta(days=1)
    retention_every: timedelta = timedelta(minutes=5)  # each organization once a day


@dataclass(frozen=True, kw_only=True)
class WorkerAppSettings(ServiceAppSettings):
    """All of worker-svc's settings."""

    storage: StorageSettings
    embedding: EmbeddingSettings
    ingestion: IngestionSettings
    services: ServiceUrlSettings
    worker: WorkerSettings
    sources: SourceSettings = field(default_factory=SourceSettings)
