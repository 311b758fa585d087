"""Providers and the organization's decision about them on the wire."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ai_svc.modules.providers.connecting import Provider
from ai_svc.modules.providers.models import ProviderPolicy
from ai_svc.modules.providers.policies import Policy
from ai_svc.provider_settings import Backend, ProviderName
from chassis.http.circuit_breaker import CircuitState
from knowledge.recipients import Country

Names = Annotated[tuple[ProviderName, ...], Field(max_length=len(ProviderName))]
Countries = Annotated[tuple[Country, ...], Field(min_length=1, max_length=50)]


class ProviderRead(BaseModel):
    """One provider of this installation, and how it stands with the organization."""

    name: ProviderName
    model: str = Field(examples=["gpt-5-mini"])
    recipient: str = Field(
        description="Who it is in the register of transfers", examples=["openai"]
    )
    country: str = Field(description="Where what it is sent goes", examples=["US"])
    is_abroad: bool = Field(
        description="What is about a client needs an entry of the register of transfers"
    )
    state: CircuitState = Field(
        description="`open`: it keeps failing and is not asked for the moment. Of the process that "
        "answers; others may see it differently"
    )
    position: int | None = Field(
        description="Its place in the organization's order, from 1; null: it is not asked",
        examples=[1],
    )
    may_see_personal_data: bool = Field(
        description="Whether it may be sent what is about clients, where purposes and transfers "
        "bear it, too"
    )

    @classmethod
    def of(cls, provider: Provider, order: Sequence[Backend], policy: Policy) -> Self:
        """As the policy has it."""
        backend = provider.backend
        return cls(
            name=backend.name,
            model=backend.model,
            recipient=backend.recipient.code,
            country=backend.recipient.country,
            is_abroad=backend.recipient.is_abroad,
            state=provider.breaker.state,
            position=order.index(backend) + 1 if backend in order else None,
            may_see_personal_data=policy.shows_personal_data(backend),
        )


class PolicyFields(BaseModel):
    """Whom the organization's texts may be sent to."""

    providers: Names = Field(
        description="Best first; the next one is asked when one fails. Empty: only the built-in "
        "model, and nothing leaves",
        examples=[["anthropic", "openai"]],
    )
    personal_data: Names = Field(
        description="Those of them that may be sent what is about clients",
        examples=[["anthropic"]],
    )
    countries: Countries | None = Field(
        description="Where anything may be sent, ISO 3166-1; null: anywhere",
        examples=[["BR", "US"]],
    )


class PolicyWrite(PolicyFields):
    """Replaces what was decided before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("providers", "personal_data", "countries")
    @classmethod
    def _each_once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and len(set(value)) < len(value):
            raise PydanticCustomError("repeated", "Cada item só pode aparecer uma vez.")
        return value

    @model_validator(mode="after")
    def _of_those_asked(self) -> Self:
        if not set(self.personal_data) <= set(self.providers):
            raise PydanticCustomError(
                "not_asked",
                "Só provedores da lista `providers` podem receber dados de clientes.",
            )
        return self


class PolicyRead(PolicyFields):
    """What holds now."""

    is_default: bool = Field(
        description="Nobody has decided anything: the installation's order holds"
    )
    version: int = Field(description="Goes up with every decision; 0: there is none")

    @classmethod
    def of(cls, row: ProviderPolicy | None, backends: Sequence[Backend]) -> Self:
        """The row's, or the installation's."""
        policy = Policy.of(row, backends)
        countries = None if policy.countries is None else tuple(sorted(policy.countries))
        return cls(
            providers=tuple(ProviderName(name) for name in policy.providers),
            personal_data=tuple(ProviderName(name) for name in sorted(policy.personal_data)),
            countries=countries,
            is_default=row is None,
            version=0 if row is None else row.version,
        )
