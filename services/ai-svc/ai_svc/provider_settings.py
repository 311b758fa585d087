"""Which models outside may be asked, in which order, and what may be sent to each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from chassis.settings import SettingsGroup
from knowledge.recipients import Country, ProviderCode, Recipient


class ProviderName(StrEnum):
    """Whose protocol is spoken. `compatible`: any server with OpenAI's chat completions."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    COMPATIBLE = "compatible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One provider that was configured."""

    name: ProviderName
    model: str
    api_key: SecretStr
    base_url: str | None
    recipient: Recipient
    personal_data: bool
    """Whether it may be sent what is about a client at all. No organization can widen this."""


_NO_KEY: Final = SecretStr("none")
"""What a server without keys is sent: the official client insists on one."""


def _alias(*names: str) -> Any:
    return AliasChoices(*names)


class ProviderSettings(SettingsGroup):
    """`LLM_PROVIDERS` names whom to ask, best first; without it `LLM_PROVIDER` does. A key alone
    asks nobody."""

    model_config = SettingsConfigDict(populate_by_name=True)

    order: Annotated[tuple[ProviderName, ...], NoDecode] = Field(
        default=(), validation_alias="LLM_PROVIDERS"
    )
    first: Literal["extractive", "openai"] = Field(
        default="extractive", validation_alias="LLM_PROVIDER"
    )
    time_limit_seconds: float = Field(
        default=30.0, gt=0, le=120, validation_alias="LLM_TIME_LIMIT_SECONDS"
    )
    first_token_seconds: float = Field(
        default=15.0, gt=0, le=120, validation_alias="LLM_FIRST_WORD_SECONDS"
    )
    # Over all providers and attempts of one request, the answer's own time included.
    total_seconds: float = Field(default=45.0, gt=0, le=240, validation_alias="LLM_TOTAL_SECONDS")
    max_output_tokens: int = Field(
        default=4096, ge=16, le=128_000, validation_alias="LLM_MAX_OUTPUT"
    )

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = Field(
        default="gpt-5-mini", min_length=1, validation_alias=_alias("OPENAI_MODEL", "LLM_MODEL")
    )
    openai_recipient: ProviderCode = Field(
        default="openai", validation_alias=_alias("OPENAI_RECIPIENT", "LLM_RECIPIENT")
    )
    openai_country: Country = Field(
        default="US", validation_alias=_alias("OPENAI_COUNTRY", "LLM_COUNTRY")
    )
    openai_personal_data: bool = True

    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str | None = None
    anthropic_model: str = Field(default="claude-haiku-5-5", min_length=1)
    anthropic_recipient: ProviderCode = "anthropic"
    anthropic_country: Country = "US"
    anthropic_personal_data: bool = True

    google_api_key: SecretStr | None = None
    google_base_url: str | None = None
    google_model: str = Field(default="gemini-3.8-flash", min_length=1)
    google_recipient: ProviderCode = "google"
    google_country: Country = "US"
    google_personal_data: bool = True

    compatible_api_key: SecretStr | None = None
    compatible_base_url: str | None = None
    compatible_model: str | None = Field(default=None, min_length=1)
    compatible_recipient: ProviderCode = "compatible"
    # What nothing else was said of is abroad.
    compatible_country: Country = "US"
    compatible_personal_data: bool = True

    @field_validator("order", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(set(self.asked)) < len(self.asked):
            raise ValueError("LLM_PROVIDERS names a provider twice")
        for name in self.asked:
            if missing := self._missing(name):
                why = f"LLM_PROVIDERS names {name}" if self.order else f"LLM_PROVIDER is {name}"
                raise ValueError(f"{missing} is missing ({why})")
        return self

    @property
    def asked(self) -> tuple[ProviderName, ...]:
        """Whom to ask, best first."""
        if self.order:
            return self.order
        return (ProviderName.OPENAI,) if self.first == "openai" else ()

    @property
    def backends(self) -> tuple[Backend, ...]:
        """Everything about them, in the same order."""
        return tuple(self._backend(name) for name in self.asked)

    def _missing(self, name: ProviderName) -> str | None:
        if name is not ProviderName.COMPATIBLE:
            return None if self._of(name, "api_key") else f"{name.upper()}_API_KEY"
        needed = ("base_url", "model")
        return next((f"COMPATIBLE_{x.upper()}" for x in needed if not self._of(name, x)), None)

    def _backend(self, name: ProviderName) -> Backend:
        return Backend(
            name=name,
            model=self._of(name, "model"),
            api_key=self._of(name, "api_key") or _NO_KEY,
            base_url=self._of(name, "base_url"),
            recipient=Recipient(self._of(name, "recipient"), self._of(name, "country")),
            personal_data=self._of(name, "personal_data"),
        )

    def _of(self, name: ProviderName, what: str) -> Any:
        return getattr(self, f"{name}_{what}")
