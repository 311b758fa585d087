"""What core-api reads from the environment, beside what every service reads."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from chassis.settings import SealingSettings, ServiceAppSettings, SettingsGroup, StorageSettings


class AttachmentSettings(SettingsGroup):
    """Who looks for viruses in attachments, and what signs the links to them."""

    model_config = SettingsConfigDict(env_prefix="ATTACHMENT_")

    link_key: SecretStr = Field(validation_alias="DOWNLOAD_LINK_KEY", min_length=32)
    link_lasts: timedelta = timedelta(minutes=5)
    # clamd by TCP, e.g. tcp://clamd:3310. Its StreamMaxLength must not be below 25 MB.
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


class ImportSettings(SettingsGroup):
    """How long the files of client imports are kept."""

    model_config = SettingsConfigDict(env_prefix="CLIENT_IMPORT_")

    # After the last run ended or, never started, after the upload.
    keep_files: timedelta = Field(default=timedelta(days=7), gt=timedelta(0))


@dataclass(frozen=True, kw_only=True)
class CoreApiSettings(ServiceAppSettings):
    """All of core-api's settings."""

    sealing: SealingSettings
    storage: StorageSettings
    attachments: AttachmentSettings
    imports: ImportSettings
