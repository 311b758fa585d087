"""What ai-svc reads from the environment, beside what every service reads."""

from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from ai_svc.mcp_settings import McpSettings
from ai_svc.provider_settings import ProviderSettings
from chassis.settings import ServiceAppSettings, SettingsGroup, StorageSettings
from knowledge.settings import (
    EmbeddingSettings,
    IngestionSettings,
    RerankerSettings,
    SearchSettings,
    SourceSettings,
)


class AnswerSettings(SettingsGroup):
    """When a question is answered, and how long that is kept."""

    model_config = SettingsConfigDict(populate_by_name=True)

    # The least confidence of an answer; none: as `python -m evals calibrate` has learned it.
    threshold: float | None = Field(default=None, ge=0, le=1, validation_alias="ANSWER_THRESHOLD")
    # How long questions and answers are kept, with what people say of them, ISO 8601.
    keep_for: timedelta = Field(
        default=timedelta(days=180), gt=timedelta(), validation_alias="ANSWERS_KEEP"
    )


class CoreApiSettings(SettingsGroup):
    """Where the owner of clients, consents and teams is."""

    core_api_url: str


class ChatSettings(SettingsGroup):
    """Conversations with the assistant."""

    model_config = SettingsConfigDict(populate_by_name=True)

    # How long one is kept after something was said in it last, ISO 8601.
    keep_for: timedelta = Field(
        default=timedelta(days=180), gt=timedelta(), validation_alias="CHAT_KEEP"
    )


class MemorySettings(SettingsGroup):
    """What people told the assistant to remember."""

    model_config = SettingsConfigDict(populate_by_name=True)

    # How long it is kept after it was told, or corrected, last; ISO 8601.
    keep_for: timedelta = Field(
        default=timedelta(days=180), gt=timedelta(), validation_alias="MEMORY_KEEP"
    )


@dataclass(frozen=True, kw_only=True)
class AiSettings(ServiceAppSettings):
    """All of ai-svc's settings."""

    storage: StorageSettings
    embedding: EmbeddingSettings
    ingestion: IngestionSettings
    answers: AnswerSettings
    core_api: CoreApiSettings
    chat: ChatSettings = field(default_factory=ChatSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    providers: ProviderSettings = field(default_factory=ProviderSettings)
    mcp: McpSettings = field(default_factory=McpSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    reranker: RerankerSettings = field(default_factory=RerankerSettings)
    sources: SourceSettings = field(default_factory=SourceSettings)
