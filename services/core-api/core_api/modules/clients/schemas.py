"""What clients look like on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from chassis.security.sealing import Vault
from core_api.fields import Input, Line, NoneIfBlank, Tags, absent
from core_api.masking import mask_document
from core_api.modules.clients import documents, tax_ids
from core_api.modules.clients.contacts import normalise_email, normalise_phone
from core_api.modules.clients.models import ClientKind

Email = Annotated[
    str,
    StringConstraints(max_length=254),
    AfterValidator(normalise_email),
    Field(examples=["julia.prado@example.com"]),
]
Phone = Annotated[
    str,
    StringConstraints(max_length=32),
    AfterValidator(normalise_phone),
    Field(examples=["(11) 98765-4321"]),
]
Document = Annotated[
    str,
    StringConstraints(max_length=32),
    Field(
        description="CPF of a person, CNPJ of a company, with or without punctuation",
        examples=["529.982.247-25", "12.ABC.345/01DE-35"],
    ),
]
ExternalId = Annotated[Line, Field(description="The client's key in another system of yours")]


class ClientCreate(Input):
    """A new client."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "person",
                    "name": "Júlia Prado",
                    "email": "julia.prado@example.com",
                    "phone": "(11) 98765-4321",
                    "document": "529.982.247-25",
                    "tags": ["munícipe"],
                    "external_id": "SGM-001",
                }
            ]
        }
    )

    kind: ClientKind = ClientKind.PERSON
    name: Line
    email: Annotated[Email | None, NoneIfBlank] = None
    phone: Annotated[Phone | None, NoneIfBlank] = None
    document: Annotated[Document | None, NoneIfBlank] = None
    tags: Tags = Field(default=[])
    external_id: Annotated[ExternalId | None, NoneIfBlank] = None


class ClientUpdate(Input):
    """What changes. A field left out stays as it is; null empties it, where it may be empty."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"phone": "(11) 3333-4444", "tags": ["vip"]}]}
    )

    kind: ClientKind = absent()
    name: Line = absent()
    email: Annotated[Email | None, NoneIfBlank] = None
    phone: Annotated[Phone | None, NoneIfBlank] = None
    document: Annotated[Document | None, NoneIfBlank] = None
    tags: Tags = absent()
    external_id: Annotated[ExternalId | None, NoneIfBlank] = None


class ClientRead(BaseModel):
    """A client as the caller may see it."""

    id: UUID
    kind: ClientKind
    name: str = Field(examples=["Júlia Prado"])
    email: str | None = Field(examples=["julia.prado@example.com"])
    phone: str | None = Field(examples=["11987654321"])
    document: str | None = Field(
        description="Masked, unless the caller holds `clients:reveal`", examples=["***.982.247-**"]
    )
    tags: list[str] = Field(examples=[["munícipe"]])
    external_id: str | None = Field(examples=["SGM-001"])
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    @classmethod
    def of(cls, client: Any, vault: Vault, *, reveal: bool) -> Self:
        """From a Client or a row with its columns."""
        document = documents.opened(vault, client)
        if document is not None:
            document = tax_ids.formatted(document) if reveal else mask_document(document)
        return cls(
            id=client.id,
            kind=client.kind,
            name=client.name,
            email=client.email,
            phone=client.phone,
            document=document,
            tags=client.tags,
            external_id=client.external_id,
            created_at=client.created_at,
            updated_at=client.updated_at,
            version=client.version,
        )
