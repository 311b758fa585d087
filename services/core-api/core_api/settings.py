"""What core-api reads from the environment, beside what every service reads."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from chassis.settings import SealingSettings, ServiceAppSettings, SettingsGroup, StorageSettings


class AttachmentSettings(SettingsGroup):
    """What may be attached to a ticket, who looks for viruses, and what signs download links."""

    model_config = SettingsConfigDict(env_prefix="ATTACHMENT_")

    max_bytes: int = Field(default=25 * 1024 * 1024, gt=0, le=50 * 1024 * 1024)
    max_bytes_per_ticket: int = Field(default=250 * 1024 * 1024, gt=0)
    max_files_per_ticket: int = Field(default=200, gt=0)
    link_key: SecretStr = Field(validation_alias="DOWNLOAD_LINK_KEY", min_length=32)
    link_lasts: timedelta = timedelta(minutes=5)
    # clamd by TCP, e.g. tcp://clamd:3310. Its StreamMaxLength must not be below `max_bytes`.
    clamd_url: str | None = Field(default=None, validation_alias="CLAMD_URL")
    clamd_timeout: timedelta = timedelta(seconds=30)

    @field_validator("clamd_url")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme != "tcp" or not parts.hostname or not parts.port:
                raise ValueError("expected an address such as tcp://clamd:3310")
        return value


@dataclass(frozen=True, kw_only=True)
class CoreApiSettings(ServiceAppSettings):
    """All of core-api's settings."""

    sealing: SealingSettings
    storage: StorageSettings
    attachments: AttachmentSettings
