"""What ai-svc reads from the environment, beside what every service reads."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from ai_svc.mcp_settings import McpSettings
from ai_svc.provider_settings import ProviderSettings
from chassis.settings import ServiceAppSettings, SettingsGroup, StorageSettings
from knowledge.recipients import OPENAI, Country, ProviderCode
from knowledge.settings import (
    EmbeddingSettings,
    IngestionSettings,
    RerankerSettings,
    SearchSettings,
    SourceSettings,
)


class AnswerSettings(SettingsGroup):
    """Who writes the answers. `extractive` needs no key and no network."""

    model_config = SettingsConfigDict(populate_by_name=True)

    provider: Literal["extractive", "openai"] = Field(
        default="extractive", validation_alias="LLM_PROVIDER"
    )
    model: str = Field(default="gpt-5-mini", validation_alias="LLM_MODEL", min_length=1)
    api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    base_url: str | None = Field(default=None, validation_alias="OPENAI_BASE_URL")
    # Who that is in the organizations' registers of transfers, and in which country (BR: in ours).
    recipient: ProviderCode = Field(default=OPENAI.code, validation_alias="LLM_RECIPIENT")
    country: Country = Field(default=OPENAI.country, validation_alias="LLM_COUNTRY")
    time_limit_seconds: float = Field(
        default=30.0, gt=0, le=120, validation_alias="LLM_TIME_LIMIT_SECONDS"
    )
    # The least confidence of an answer; none: as `python -m evals calibrate` has learned it.
    threshold: float | None = Field(default=None, ge=0, le=1, validation_alias="ANSWER_THRESHOLD")
    # How long questions and answers are kept, with what people say of them, ISO 8601.
    keep_for: timedelta = Field(
        default=timedelta(days=180), gt=timedelta(), validation_alias="ANSWERS_KEEP"
    )

    @model_validator(mode="after")
    def _key_for_provider(self) -> Self:
        if self.provider == "openai" and self.api_key is None:
            raise ValueError("OPENAI_API_KEY is missing (LLM_PROVIDER is openai)")
        return self


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
