"""Who embeds, and how much one document may cost."""

import ipaddress
import json
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from chassis.settings import SealingSettings, SettingsGroup, key_bytes
from knowledge.models import EMBEDDING_DIMENSIONS
from knowledge.parsing.extraction import Limits
from knowledge.quotas import Quota
from knowledge.recipients import OPENAI, UNNAMED_RERANKER, Country, ProviderCode


class EmbeddingSettings(SettingsGroup):
    """Who turns texts into vectors."""

    model_config = SettingsConfigDict(env_prefix="EMBEDDING_", populate_by_name=True)

    provider: Literal["local", "openai"] = "local"
    model: str = Field(default="text-embedding-3-small", min_length=1)
    api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    base_url: str | None = Field(default=None, validation_alias="OPENAI_BASE_URL")
    timeout: timedelta = timedelta(seconds=30)
    max_retries: int = Field(default=3, ge=0, le=10)
    # How much the vectors count in ranking beside the words; empty is what was measured for the
    # model, and 1 asks the vectors alone. `python -m evals weigh` tells what an embedder deserves.
    weight: float | None = Field(default=None, ge=0, le=1)
    # Who that is in the organizations' registers of transfers, and in which country (BR: in ours).
    recipient: ProviderCode = OPENAI.code
    country: Country = OPENAI.country

    @property
    def dimensions(self) -> int:
        """Of the column; providers are asked for exactly this many."""
        return EMBEDDING_DIMENSIONS

    @model_validator(mode="after")
    def _key_for_provider(self) -> Self:
        if self.provider == "openai" and self.api_key is None:
            raise ValueError("OPENAI_API_KEY is missing (EMBEDDING_PROVIDER is openai)")
        return self


class SearchSettings(SettingsGroup):
    """How the legs of a search are put together."""

    model_config = SettingsConfigDict(env_prefix="SEARCH_")

    fusion: Literal["score", "rrf"] = "score"


class RerankerSettings(SettingsGroup):
    """Who puts the passages found into a better order. Nobody by default."""

    model_config = SettingsConfigDict(env_prefix="RERANKER_")

    provider: Literal["none", "http", "local"] = "none"
    base_url: str | None = None  # of the server that has /rerank
    model: str = Field(default="rerank-v3.5", min_length=1)
    api_key: SecretStr | None = None
    timeout: timedelta = timedelta(seconds=5)
    # Who that server is in the organizations' registers of transfers, and where.
    recipient: ProviderCode = UNNAMED_RERANKER.code
    country: Country = UNNAMED_RERANKER.country
    # Passages that are read again; who waits, waits for all of them.
    depth: int = Field(default=30, ge=2, le=100)

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.provider == "http" and not self.base_url:
            raise ValueError("RERANKER_BASE_URL is missing (RERANKER_PROVIDER is http)")
        if self.provider == "local" and find_spec("sentence_transformers") is None:
            raise ValueError("RERANKER_PROVIDER=local needs sentence-transformers installed")
        return self


class SourceSettings(SettingsGroup):
    """How sources are watched, and the keys their credentials are sealed under.

    SOURCE_KEYS: JSON, 32 bytes in base64 by number, the highest seals. Without any, no source that
    needs credentials can be kept.
    """

    model_config = SettingsConfigDict(env_prefix="SOURCE_")

    keys: Annotated[dict[int, SecretStr], NoDecode] = Field(default={})
    pause: timedelta = timedelta(milliseconds=250)  # between two requests to one site, at least
    max_items: int = Field(default=5_000, gt=0)
    gone_after: int = Field(default=3, gt=0)  # looks in a row that do not find it

    @field_validator("keys", mode="before")
    @classmethod
    def _decode(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ValueError('expected JSON such as {"1": "32 bytes in base64"}') from None

    @field_validator("keys")
    @classmethod
    def _usable(cls, value: dict[int, SecretStr]) -> dict[int, SecretStr]:
        for number, key in value.items():
            if not 1 <= number <= SealingSettings.HIGHEST_NUMBER:
                raise ValueError(f"keys are numbered from 1 to {SealingSettings.HIGHEST_NUMBER}")
            key_bytes(key, f"key {number}")
        return value

    def sealing_keys(self) -> dict[int, bytes]:
        """By number."""
        return {number: key_bytes(key, f"key {number}") for number, key in self.keys.items()}


class IngestionSettings(SettingsGroup):
    """Limits of one document, and how a worker goes about its jobs."""

    model_config = SettingsConfigDict(env_prefix="INGESTION_")

    max_file_bytes: int = Field(default=50 * 1024 * 1024, gt=0)
    max_characters: int = Field(default=10_000_000, gt=0)
    max_pages: int = Field(default=5_000, gt=0)
    parser_memory_bytes: int = Field(default=512 * 1024 * 1024, gt=0)
    parser_cpu: timedelta = timedelta(seconds=30)
    parser_wall: timedelta = timedelta(seconds=60)
    recognition: timedelta = timedelta(minutes=5)
    parser_processes: int = Field(default=1, gt=0)
    fetch_timeout: timedelta = timedelta(seconds=60)
    # Addresses an organization's own intranet may be fetched from: "10.20.0.0/16,10.30.0.0/16".
    fetch_allowed_networks: Annotated[tuple[str, ...], NoDecode] = ()
    lease: timedelta = timedelta(seconds=60)
    # What one organization may keep, of everything.
    quota_documents: int = Field(default=100_000, gt=0)
    quota_bytes: int = Field(default=50 * 1024 * 1024 * 1024, gt=0)
    quota_characters: int = Field(default=2_000_000_000, gt=0)

    @field_validator("fetch_allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(network.strip() for network in value.split(",") if network.strip())
        return value

    @field_validator("fetch_allowed_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @property
    def quota(self) -> Quota:
        """Of one organization."""
        return Quota(self.quota_documents, self.quota_bytes, self.quota_characters)

    @property
    def limits(self) -> Limits:
        """For the parsers."""
        return Limits(
            max_characters=self.max_characters,
            max_pages=self.max_pages,
            recognition_seconds=self.recognition.total_seconds(),
        )
