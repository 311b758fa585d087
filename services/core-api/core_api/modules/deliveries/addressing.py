"""Whom a mail goes to, asked at the moment of sending."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.blocked_clients import is_blocked
from core_api.modules.clients.service import answering_clients
from core_api.modules.deliveries.sources import NotToBeSent, Withdrawn
from core_api.modules.privacy.service import (
    ClientAlreadyAnonymised,
    ClientAlreadyErased,
    DestructionUnderWay,
    require_intact,
)
from core_api.subject_stores import ERASED_NAME
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId

# Columns alone: clients are the business of their own context.
_CLIENTS: Final = sa.table(
    "clients",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id")),
    *(sa.column(name, sa.Text()) for name in ("name", "email")),
    schema=SCHEMA,
)


@dataclass(frozen=True, slots=True)
class Addressee:
    """A person and where mails reach them."""

    name: str = field(repr=False)
    email: str = field(repr=False)


async def addressee_of(
    tx: AsyncSession, organization_id: OrganizationId, client_id: UUID
) -> Addressee:
    """Who answers for the client, as they are reached today. Until the commit nobody begins to
    erase them. Withdrawn for who is erased, NotToBeSent for who is blocked or has no address."""
    try:
        await require_intact(tx, organization_id, client_id)
    except (DestructionUnderWay, ClientAlreadyErased, ClientAlreadyAnonymised):
        raise _gone() from None
    answering = (await answering_clients(tx, organization_id, [client_id]))[client_id]
    row: Any = (
        await tx.execute(
            sa.select(
                _CLIENTS.c.name,
                _CLIENTS.c.email,
                is_blocked(organization_id, _CLIENTS.c.id).label("blocked"),
            ).where(_CLIENTS.c.organization_id == organization_id, _CLIENTS.c.id == answering)
        )
    ).one()
    if row.name == ERASED_NAME:
        raise _gone()
    if row.blocked:
        raise NotToBeSent(
            "CLIENT_BLOCKED",
            "O tratamento dos dados deste cliente está bloqueado. "
            "O encarregado decide se a mensagem segue por outro meio.",
        )
    if not row.email:
        raise NotToBeSent("NO_ADDRESS", "O cliente não tem endereço de e-mail cadastrado.")
    return Addressee(row.name, usable_address(row.email))


def usable_address(address: str) -> str:
    """As mail servers take it: in ASCII. NotToBeSent for what is no address."""
    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        checked = None
    if checked is None or checked.ascii_email is None:
        raise NotToBeSent(
            "BAD_ADDRESS", "O endereço de e-mail cadastrado não pode ser usado. Corrija-o."
        )
    return checked.ascii_email


def _gone() -> Withdrawn:
    return Withdrawn(
        "CLIENT_ERASED", "Os dados do titular foram ou estão sendo eliminados: nada mais é enviado."
    )
