"""What organizations and members look like on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared_schemas.permissions import Permission


class OrganizationRead(BaseModel):
    """The organization the access token belongs to."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    slug: str = Field(examples=["aurora"])
    name: str = Field(examples=["Prefeitura de Aurora"])
    created_at: datetime


class MemberRead(BaseModel):
    """A person who works in the organization."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The person's `sub` at the OpenID provider")
    name: str = Field(examples=["Bruno Exemplo"])
    email: str = Field(examples=["bruno@aurora.example"])
    roles: list[str] = Field(examples=[["agent"]])
    last_seen_at: datetime
    created_at: datetime


class MeRead(MemberRead):
    """Who is asking, and what they may do."""

    permissions: list[Permission] = Field(examples=[["clients:read", "tickets:write"]])
    organization: OrganizationRead
