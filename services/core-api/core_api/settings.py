"""What core-api reads from the environment, beside what every service reads."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from chassis.settings import (
    SealingSettings,
    ServiceAppSettings,
    SettingsGroup,
    StorageSettings,
    key_bytes,
)


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


class PreferencesSettings(SettingsGroup):
    """Where people open the link to their preferences that is sent to them."""

    model_config = SettingsConfigDict(env_prefix="PREFERENCES_")

    # A page of the single-page app, e.g. https://assist.example.org/preferencias/{token}
    page_url: str | None = None

    @field_validator("page_url")
    @classmethod
    def _a_page(cls, value: str | None) -> str | None:
        if value is not None and (
            urlsplit(value).scheme not in {"https", "http"} or value.count("{token}") != 1
        ):
            raise ValueError("expected an address with {token} in it")
        return value


class SubjectDataSettings(SettingsGroup):
    """How long copies of a person's data wait to be fetched, and for how long a link opens one."""

    model_config = SettingsConfigDict(env_prefix="SUBJECT_DATA_")

    keep_files: timedelta = Field(default=timedelta(days=15), gt=timedelta(0))
    link_lasts: timedelta = Field(default=timedelta(hours=72), gt=timedelta(0))


class ServiceUrlSettings(SettingsGroup):
    """Where the services are that keep parts of a client's data."""

    ai_svc_url: str


class LedgerSettings(SettingsGroup):
    """The key that signs the heads of consent ledgers, and the public ones of those before it."""

    model_config = SettingsConfigDict(env_prefix="LEDGER_")

    # Ed25519, 32 bytes in base64: openssl rand -base64 32.
    signing_key: SecretStr
    former_signers: Annotated[tuple[str, ...], NoDecode] = ()

    @field_validator("former_signers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _usable(self) -> Self:
        self.seed()
        self.former_keys()
        return self

    def seed(self) -> bytes:
        """The private key."""
        return key_bytes(self.signing_key, "LEDGER_SIGNING_KEY")

    def former_keys(self) -> list[bytes]:
        """Public keys of what was signed before this key came."""
        return [key_bytes(SecretStr(key), "LEDGER_FORMER_SIGNERS") for key in self.former_signers]


@dataclass(frozen=True, kw_only=True)
class CoreApiSettings(ServiceAppSettings):
    """All of core-api's settings."""

    sealing: SealingSettings
    storage: StorageSettings
    attachments: AttachmentSettings
    imports: ImportSettings
    ledger: LedgerSettings
    services: ServiceUrlSettings
    subject_data: SubjectDataSettings = field(default_factory=SubjectDataSettings)
    preferences: PreferencesSettings = field(default_factory=PreferencesSettings)
