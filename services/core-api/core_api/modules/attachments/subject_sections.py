"""What attachments tell the person whose tickets they are on: which files there are."""

from typing import Any, Final

import sqlalchemy as sa

from core_api.modules.attachments.models import Attachment
from core_api.subject_sections import (
    Rows,
    SectionSource,
    Subject,
    each,
    moment,
)
from core_api.tables import SCHEMA
from shared_schemas.privacy import Record

_TICKETS: Final = sa.table(
    "tickets",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "client_id")),
    sa.column("number", sa.BigInteger()),
    schema=SCHEMA,
)


def _attachments(subject: Subject) -> Rows:
    ticket = sa.and_(
        _TICKETS.c.organization_id == Attachment.organization_id,
        _TICKETS.c.id == Attachment.ticket_id,
    )
    return (
        sa.select(
            Attachment.id,
            Attachment.name,
            Attachment.media_type,
            Attachment.size_bytes,
            Attachment.sha256,
            Attachment.created_at,
            _TICKETS.c.number,
        )
        .join(_TICKETS, ticket)
        .where(
            _TICKETS.c.organization_id == subject.organization_id,
            _TICKETS.c.client_id.in_(subject.family),
        )
        .order_by(_TICKETS.c.number, Attachment.created_at, Attachment.id)
    )


def _attachment(row: Any) -> Record:
    return {
        "ticket": row.number,
        "name": row.name,
        "media_type": row.media_type,
        "size_bytes": row.size_bytes,
        "sha256": row.sha256,
        "created_at": moment(row.created_at),
    }


ATTACHMENT_SECTIONS: Final = (
    SectionSource(
        name="attachments",
        label="Arquivos anexados aos seus chamados",
        origin="Enviados por você ou anexados por nossa equipe durante o atendimento.",
        criteria="Aqui está a lista. O conteúdo de cada arquivo pode ser pedido no mesmo canal em "
        "que você fez este pedido.",
        categories=frozenset({"atendimento", "chamados", "documentos", "arquivos"}),
        tables=frozenset({"attachments"}),
        fields={
            "ticket": "Chamado nº",
            "name": "Nome do arquivo",
            "media_type": "Tipo",
            "size_bytes": "Tamanho em bytes",
            "sha256": "SHA-256 do conteúdo",
            "created_at": "Guardado em",
        },
        select=_attachments,
        tell=each(_attachment),
    ),
)
"""The kind of this context."""
