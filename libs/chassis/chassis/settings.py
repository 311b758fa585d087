"""Configuration from the environment: small frozen groups, read once, handed down as the group
needed."""

import base64
import binascii
import json
import sys
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeVar, get_type_hints

import limits
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

S = TypeVar("S")
SEALING_KEY_BYTES: Final = 32


class SettingsError(SystemExit):
    """The configuration cannot be used. Already written to stderr in one line; ends the process
    with code 2."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(2)
        self.problems = problems


class Environment(StrEnum):
    """Where the process runs. Production refuses everything that is only for developers."""

    DEVELOPMENT = "development"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"


class SettingsGroup(BaseSettings):
    """One concern's settings. An empty variable counts as absent: compose files pass `VAR=` for
    "not set"."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )


class ServiceSettings(SettingsGroup):
    """What is the same for every concern of one process."""

    environment: Environment = Environment.DEVELOPMENT
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    version: str = Field(default="0.0.0-dev", validation_alias="SERVICE_VERSION")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    rate_limit_enabled: bool = True
    rate_limit_default: str = "100/minute"
    max_body_bytes: int = Field(default=1_048_576, gt=0)
    sentry_dsn: SecretStr | None = None
    otel_exporter_otlp_endpoint: str | None = None
    trace_sample_ratio: float = Field(default=1.0, ge=0, le=1)

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(
                origin.strip().rstrip("/") for origin in value.split(",") if origin.strip()
            )
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("rate_limit_default")
    @classmethod
    def _is_a_rate(cls, value: str) -> str:
        try:
            limits.parse(value)
        except ValueError:
            raise ValueError("expected a rate such as 100/minute") from None
        return value

    @model_validator(mode="after")
    def _refuse_in_production(self) -> Self:
        if self.environment is Environment.PRODUCTION:
            if not self.rate_limit_enabled:
                raise ValueError("RATE_LIMIT_ENABLED=false is refused when ENVIRONMENT=production")
            if "*" in self.cors_origins:
                raise ValueError("CORS_ORIGINS=* is refused when ENVIRONMENT=production")
        return self


class DatabaseSettings(SettingsGroup):
    """PostgreSQL. `url` is the tenant role `cogep_app`, `worker_url` the role that crosses
    tenants on queues."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_")

    url: SecretStr
    worker_url: SecretStr
    pool_size: int = Field(default=10, gt=0)
    # Connections beyond the pool are closed as they come back: under load every request would
    # pay for a new one. Waiting a moment for one of the pool's is cheaper for everybody.
    pool_max_overflow: int = Field(default=0, ge=0)
    pool_timeout_seconds: float = Field(default=5.0, gt=0)
    worker_pool_size: int = Field(default=4, gt=0)
    connect_timeout_seconds: float = Field(default=5.0, gt=0)
    statement_timeout_ms: int = Field(default=30_000, ge=0)


class RedisSettings(SettingsGroup):
    """Redis or Valkey."""

    model_config = SettingsConfigDict(env_prefix="REDIS_")

    url: SecretStr
    max_connections: int = Field(default=50, gt=0)


class StorageSettings(SettingsGroup):
    """Object storage: `file:///folder`, or `s3://bucket` with the usual AWS_* variables."""

    model_config = SettingsConfigDict(env_prefix="STORAGE_")

    url: str


class OidcSettings(SettingsGroup):
    """Whose access tokens are believed."""

    model_config = SettingsConfigDict(env_prefix="OIDC_")

    issuer: str
    audience: str
    jwks_url: str | None = Field(default=None, description="Discovered from the issuer when absent")
    leeway_seconds: int = Field(default=10, ge=0, le=120)
    jwks_max_age_seconds: float = Field(default=600.0, gt=0)
    jwks_refetch_window_seconds: float = Field(default=10.0, gt=0)

    @field_validator("issuer")
    @classmethod
    def _no_trailing_space(cls, value: str) -> str:
        # Compared with `iss` character by character (OpenID Connect Core 3.1.3.7): nothing is
        # normalised away.
        return value.strip()


class InternalKeySettings(SettingsGroup):
    """Keys between services: the one this service sends, and per caller those it accepts
    (current, previous)."""

    model_config = SettingsConfigDict(env_prefix="INTERNAL_")

    MINIMUM_LENGTH: ClassVar[int] = 16

    key: SecretStr
    keys_accepted: Annotated[dict[str, tuple[SecretStr, ...]], NoDecode] = {}

    @field_validator("keys_accepted", mode="before")
    @classmethod
    def _decode(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ValueError(
                'expected JSON such as {"worker-svc": ["current", "previous"]}'
            ) from None

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        keys = [self.key, *(key for keys in self.keys_accepted.values() for key in keys)]
        if any(len(key.get_secret_value()) < self.MINIMUM_LENGTH for key in keys):
            raise ValueError(f"an internal key has fewer than {self.MINIMUM_LENGTH} characters")
        return self


def key_bytes(key: SecretStr, name: str) -> bytes:
    """A key that seals, from base64; ValueError, in which only its name is said."""
    try:
        raw = base64.b64decode(key.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{name} is not base64") from None
    if len(raw) != SEALING_KEY_BYTES:
        raise ValueError(f"{name} has {len(raw)} bytes instead of {SEALING_KEY_BYTES}")
    return raw


class SealingSettings(SettingsGroup):
    """Keys of sealed fields: FIELD_KEYS by number, which of them seals, and that of the index.

    32 bytes each, in base64: `openssl rand -base64 32`.
    """

    KEY_BYTES: ClassVar[int] = SEALING_KEY_BYTES
    HIGHEST_NUMBER: ClassVar[int] = 65_535

    keys: Annotated[dict[int, SecretStr], NoDecode] = Field(
        validation_alias="FIELD_KEYS", min_length=1
    )
    current: int = Field(default=1, validation_alias="FIELD_KEY_CURRENT")
    index_key: SecretStr = Field(validation_alias="BLIND_INDEX_KEY")

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
            if not 1 <= number <= cls.HIGHEST_NUMBER:
                raise ValueError(f"keys are numbered from 1 to {cls.HIGHEST_NUMBER}")
            cls._bytes(key, f"key {number}")
        return value

    @field_validator("index_key")
    @classmethod
    def _usable_index(cls, value: SecretStr) -> SecretStr:
        cls._bytes(value, "the key")
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.current not in self.keys:
            raise ValueError(f"FIELD_KEY_CURRENT is {self.current}, which FIELD_KEYS does not hold")
        if self.index_key_bytes() in self.key_bytes().values():
            raise ValueError("BLIND_INDEX_KEY must not be one of FIELD_KEYS")
        return self

    def key_bytes(self) -> dict[int, bytes]:
        """The keys that seal, by number."""
        return {number: self._bytes(key, f"key {number}") for number, key in self.keys.items()}

    def index_key_bytes(self) -> bytes:
        """The key of the blind index."""
        return self._bytes(self.index_key, "the key")

    @classmethod
    def _bytes(cls, key: SecretStr, name: str) -> bytes:
        return key_bytes(key, name)


@dataclass(frozen=True, kw_only=True)
class ServiceAppSettings:
    """What every web service needs. A service adds its own groups in a frozen dataclass derived
    from this one."""

    service: ServiceSettings
    database: DatabaseSettings
    redis: RedisSettings
    oidc: OidcSettings
    internal_keys: InternalKeySettings


def read_settings(cls: type[S]) -> S:
    """Reads a group, or a dataclass of groups, from the environment.

    Every missing or invalid variable is named in one line on stderr; then `SettingsError` (exit
    code 2).
    """
    problems: list[str] = []
    settings = _read(cls, problems)
    if settings is None:
        sys.stderr.write(f"configuration error: {'; '.join(problems)}\n")
        raise SettingsError(problems)
    return settings


def _read(cls: type[S], problems: list[str]) -> S | None:
    if is_dataclass(cls):
        hints = get_type_hints(cls)
        groups = {field.name: _read(hints[field.name], problems) for field in fields(cls)}
        return None if None in groups.values() else cls(**groups)
    try:
        return cls()
    except ValidationError as error:
        problems.extend(_problem(cls, entry) for entry in error.errors())
    return None


def _problem(cls: type[Any], entry: Any) -> str:
    """One finding in the operator's terms: the variable's name, never its value (it may be a
    secret)."""
    if not entry["loc"]:
        return str(entry["msg"]).removeprefix("Value error, ")
    variable = _variable_name(cls, str(entry["loc"][0]))
    if entry["type"] == "missing":
        return f"{variable} is missing"
    return f"{variable} is invalid ({entry['msg'].removeprefix('Value error, ')})"


def _variable_name(cls: type[Any], location: str) -> str:
    field = cls.model_fields.get(location)
    if field is None or isinstance(field.validation_alias, str):
        return location.upper()
    return f"{cls.model_config.get('env_prefix', '')}{location}".upper()
