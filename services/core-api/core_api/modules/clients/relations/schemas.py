"""Relations between people and companies on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core_api.inputs import Input, Line, NoneIfBlank
from core_api.modules.clients.models import ClientKind

RelationRole = Annotated[
    Annotated[Line, StringConstraints(max_length=100)] | None,
    NoneIfBlank,
    Field(description="What the person does there", examples=["Diretora financeira"]),
]


class RelationCreate(Input):
    """A link to a client of the other kind."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"client_id": "0192a000-0000-7000-8000-0000000000c1", "role": "Diretora financeira"}
            ]
        }
    )

    client_id: UUID = Field(description="The company of a person, or the person of a company")
    role: RelationRole = None


class RelationUpdate(Input):
    """What changes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "Sócia"}]})

    role: RelationRole = None


class RelatedClient(BaseModel):
    """The client at the other end."""

    id: UUID
    kind: ClientKind
    name: str = Field(examples=["Padaria Flor do Campo Ltda."])


class RelationRead(BaseModel):
    """A person's place in a company, seen from one of the two."""

    id: UUID
    client: RelatedClient
    role: str | None = Field(examples=["Diretora financeira"])
    created_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row of `Relations`."""
        return cls(
            id=row.id,
            client=RelatedClient(id=row.client_id, kind=row.kind, name=row.name),
            role=row.role,
            created_at=row.created_at,
            version=row.version,
        )
