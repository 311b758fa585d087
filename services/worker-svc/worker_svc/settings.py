"""What worker-svc reads from the environment, beside what every service reads."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceAppSettings, SettingsGroup, StorageSettings
from knowledge.settings import EmbeddingSettings, IngestionSettings, SourceSettings

_ADDRESS: Final = re.compile(r"[!-?A-~]+@[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII | re.IGNORECASE)


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


class SmtpSecurity(StrEnum):
    """How the connection to the mail server is kept from others' eyes."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"  # a relay on this very network


_PORTS: Final = {SmtpSecurity.STARTTLS: 587, SmtpSecurity.TLS: 465, SmtpSecurity.NONE: 25}


class SmtpSettings(SettingsGroup):
    """The mail server. Without a host nothing is sent: people do, and say so."""

    model_config = SettingsConfigDict(env_prefix="SMTP_")

    host: str | None = None
    security: SmtpSecurity = SmtpSecurity.STARTTLS
    port: int = Field(default=0, ge=0, le=65535)  # 0: what the security is usual on
    username: str | None = None
    password: SecretStr | None = None
    sender: str | None = Field(default=None, validation_alias="SMTP_FROM")
    timeout: timedelta = Field(default=timedelta(seconds=60), gt=timedelta(0))  # of one mail
    slots: int = Field(default=4, gt=0, le=32)  # mails at a time

    @model_validator(mode="before")
    @classmethod
    def _usual_port(cls, given: Any) -> Any:
        if isinstance(given, dict) and not int(given.get("port") or 0):
            security = SmtpSecurity(given.get("security") or SmtpSecurity.STARTTLS)
            return {**given, "port": _PORTS[security]}
        return given

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.host is None:
            return self
        if self.sender is None or not _ADDRESS.fullmatch(self.sender):
            raise ValueError("SMTP_HOST needs SMTP_FROM, an address such as lgpd@example.org")
        if (self.username is None) != (self.password is None):
            raise ValueError("SMTP_USERNAME and SMTP_PASSWORD go together")
        if self.username is not None and self.security is SmtpSecurity.NONE:
            raise ValueError("SMTP_PASSWORD is not sent over a connection without encryption")
        return self


@dataclass(frozen=True, kw_only=True)
class WorkerAppSettings(ServiceAppSettings):
    """All of worker-svc's settings."""

    storage: StorageSettings
    embedding: EmbeddingSettings
    ingestion: IngestionSettings
    services: ServiceUrlSettings
    worker: WorkerSettings
    sources: SourceSettings = field(default_factory=SourceSettings)
    smtp: SmtpSettings = field(default_factory=SmtpSettings)
