"""What a recipient is told, in Portuguese. Made when it is read: nothing of it is kept."""

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.officers.service import responsible_of
from core_api.modules.recipients.models import Act, RecipientNotice
from core_api.privacy_wording import joined
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId

# Columns alone: clients are the business of their own context.
_CLIENTS: Final = sa.table(
    "clients",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("name", sa.Text()),
    sa.column("external_id", sa.Text()),
    schema=SCHEMA,
)
_DONE: Final = {
    Act.CORRECTION: "corrigimos dados pessoais",
    Act.DELETION: "estamos eliminando os dados pessoais",
    Act.ANONYMISATION: "anonimizamos os dados pessoais",
    Act.BLOCKING: "bloqueamos o uso dos dados pessoais",
    Act.UNBLOCKING: "liberamos o uso dos dados pessoais",
}
_ASKED: Final = {
    Act.CORRECTION: "corrija os mesmos dados em seus registros",
    Act.DELETION: "elimine esses dados dos seus registros",
    Act.ANONYMISATION: "anonimize esses dados em seus registros",
    Act.BLOCKING: "suspenda o uso desses dados até nova comunicação",
    Act.UNBLOCKING: "considere encerrado o bloqueio comunicado antes",
}
_LETTER: Final = """\
A {recipient},

Compartilhamos com vocês dados pessoais para: {purposes}.

Informamos que {done} da pessoa identificada abaixo e, conforme o art. 18, § 6º, da Lei \
13.709/2018 (LGPD), pedimos que {asked} e nos confirmem quando estiver feito.

Pessoa: {who}
{fields}Referência desta comunicação: {reference}

{controller}
{contact}"""


async def letter_of(
    session: AsyncSession, organization_id: OrganizationId, notice: RecipientNotice
) -> str:
    """The text to be sent."""
    responsible = await responsible_of(session, organization_id)
    fields = f"Dados corrigidos: {joined(notice.fields)}\n" if notice.fields else ""
    return _LETTER.format(
        recipient=notice.recipient,
        purposes=joined(notice.purpose_codes),
        done=_DONE[notice.act],
        asked=_ASKED[notice.act],
        who=await _who(session, organization_id, notice.client_id),
        fields=fields,
        reference=notice.id,
        controller=responsible.controller or "O controlador",
        contact=responsible.contact,
    )


async def _who(session: AsyncSession, organization_id: OrganizationId, client_id: UUID) -> str:
    """As both sides know the person; after an erasure only by our number."""
    statement = sa.select(_CLIENTS.c.name, _CLIENTS.c.external_id).where(
        _CLIENTS.c.organization_id == organization_id, _CLIENTS.c.id == client_id
    )
    row: Any = (await session.execute(statement)).one_or_none()
    known = [] if row is None else [row.name, row.external_id and f"código {row.external_id}"]
    return ", ".join([*(part for part in known if part), f"cadastro {client_id}"])
