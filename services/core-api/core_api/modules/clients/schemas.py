"""What clients look like on the wire."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from chassis.security.sealing import SealBroken, Vault
from core_api.blocked_clients import BlockExtent
from core_api.inputs import Input, Line, NoneIfBlank, Tags, absent
from core_api.masking import mask_document, mask_email, mask_phone
from core_api.modules.clients import documents, tax_ids
from core_api.modules.clients.contacts.fields import (
    Addresses,
    AddressRead,
    Email,
    EmailRead,
    Emails,
    Phone,
    PhoneRead,
    Phones,
)
from core_api.modules.clients.contacts.lists import primary
from core_api.modules.clients.contacts.normalising import phone_display
from core_api.modules.clients.models import ClientKind
from core_api.modules.fields.service import CustomValues
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

log = structlog.get_logger(__name__)

Document = Annotated[
    str,
    StringConstraints(max_length=32),
    Field(
        description="CPF of a person, CNPJ of a company, with or without punctuation",
        examples=["529.982.247-25", "12.ABC.345/01DE-35"],
    ),
]
ExternalId = Annotated[Line, Field(description="The client's key in another system of yours")]


class _Contacts(Input):
    """E-mails and phones, as lists or by their primary one."""

    email: Annotated[Email | None, NoneIfBlank] = Field(
        default=None, description="The primary address; alone it is the only one"
    )
    phone: Annotated[Phone | None, NoneIfBlank] = Field(
        default=None, description="The primary number; alone it is the only one"
    )

    @model_validator(mode="after")
    def _say_the_same(self) -> Self:
        sent = self.model_fields_set
        for single, many, key in (("email", "emails", "address"), ("phone", "phones", "number")):
            if {single, many} <= sent:
                entries = [entry.model_dump() for entry in getattr(self, many)]
                if getattr(self, single) != primary(entries, key):
                    raise ValueError(f"{single} e {many} não dizem o mesmo. Envie só um dos dois.")
        return self


class ClientCreate(_Contacts):
    """A new client."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "person",
                    "name": "Júlia Prado",
                    "email": "julia.prado@example.com",
                    "phones": [{"number": "(11) 98765-4321", "label": "celular"}],
                    "addresses": [{"cep": "01310-100", "uf": "SP", "city": "São Paulo"}],
                    "document": "529.982.247-25",
                    "tags": ["munícipe"],
                    "external_id": "SGM-001",
                }
            ]
        }
    )

    kind: ClientKind = ClientKind.PERSON
    name: Line
    emails: Emails = Field(default=[])
    phones: Phones = Field(default=[])
    addresses: Addresses = Field(default=[])
    document: Annotated[Document | None, NoneIfBlank] = None
    tags: Tags = Field(default=[])
    external_id: Annotated[ExternalId | None, NoneIfBlank] = None
    custom_fields: CustomValues = Field(default={})


class ClientUpdate(_Contacts):
    """What changes. A field left out stays as it is; null empties it, where it may be empty."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"phone": "(11) 3333-4444", "tags": ["vip"]}]}
    )

    kind: ClientKind = absent()
    name: Line = absent()
    emails: Emails = absent()
    phones: Phones = absent()
    addresses: Addresses = absent()
    document: Annotated[Document | None, NoneIfBlank] = None
    tags: Tags = absent()
    external_id: Annotated[ExternalId | None, NoneIfBlank] = None
    custom_fields: CustomValues = absent()


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reader sees of personal data."""

    vault: Vault
    contact: bool
    """E-mails and phones whole."""
    reveal: bool = False
    """The document whole: one client at a time, and noted."""

    @classmethod
    def of(cls, actor: Actor, vault: Vault) -> Self:
        """In lists, searches and answers to changes."""
        return cls(vault, actor.may(Permission.CLIENTS_CONTACT))


class ClientRead(BaseModel):
    """A client as the caller may see it."""

    id: UUID
    kind: ClientKind
    name: str = Field(examples=["Júlia Prado"])
    email: str | None = Field(
        description="The primary one; masked without `clients:contact`",
        examples=["julia.prado@example.com"],
    )
    phone: str | None = Field(
        description="The primary one, E.164; masked without `clients:contact`",
        examples=["+5511987654321"],
    )
    phone_display: str | None = Field(
        description="The same as people write it", examples=["(11) 98765-4321"]
    )
    emails: list[EmailRead]
    phones: list[PhoneRead]
    addresses: list[AddressRead]
    document: str | None = Field(
        description="Masked; whole only when one client is read with `clients:reveal`, which is "
        "noted in the audit log",
        examples=["***.982.247-**"],
    )
    tags: list[str] = Field(examples=[["munícipe"]])
    external_id: str | None = Field(examples=["SGM-001"])
    custom_fields: dict[str, Any] = Field(examples=[{"matricula": "A-1020"}])
    processing_blocked: BlockExtent | None = Field(
        default=None,
        description="`wholly`: the data is kept and used for nothing; `partly`: for some purposes. "
        "Said only when one client is read",
        examples=[None],
    )
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    @classmethod
    def of(cls, client: Any, sight: Sight) -> Self:
        """From a Client or a row with its columns."""
        email, phone, contact = client.email, client.phone, sight.contact
        display = None if phone is None else phone_display(phone)
        if not contact:
            email = email and mask_email(email)
            phone, display = phone and mask_phone(phone), display and mask_phone(display)
        return cls(
            id=client.id,
            kind=client.kind,
            name=client.name,
            email=email,
            phone=phone,
            phone_display=display,
            emails=[EmailRead.of(entry, contact=contact) for entry in client.emails],
            phones=[PhoneRead.of(entry, contact=contact) for entry in client.phones],
            addresses=[AddressRead(**entry) for entry in client.addresses],
            document=_document(client, sight),
            tags=client.tags,
            external_id=client.external_id,
            custom_fields=client.custom_fields,
            processing_blocked=getattr(client, "processing_blocked", None),
            created_at=client.created_at,
            updated_at=client.updated_at,
            version=client.version,
        )


def _document(client: Any, sight: Sight) -> str | None:
    try:
        number = documents.opened(sight.vault, client)
    except SealBroken:
        # Damaged, or of another row: one such client must not take a list down with it.
        log.exception("sealed_document_does_not_open", client_id=str(client.id))
        return None
    if number is None:
        return None
    return tax_ids.formatted(number) if sight.reveal else mask_document(number)
