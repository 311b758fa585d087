"""What recipients were told about a person's data (LGPD Art. 18 § 6), told to that person."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from core_api.modules.recipients.models import Act, NoticeState, RecipientNotice
from core_api.subject_sections import (
    MADE_BY_US,
    Rows,
    SectionSource,
    Subject,
    each,
    moment,
)
from shared_schemas.privacy import Record

_ACTS: Final[Mapping[Act, str]] = MappingProxyType(
    {
        Act.CORRECTION: "correção",
        Act.DELETION: "exclusão",
        Act.ANONYMISATION: "anonimização",
        Act.BLOCKING: "bloqueio",
        Act.UNBLOCKING: "fim do bloqueio",
    }
)
_STATES: Final[Mapping[NoticeState, str]] = MappingProxyType(
    {
        NoticeState.PENDING: "a enviar",
        NoticeState.SENT: "enviado",
        NoticeState.DELIVERED: "entregue",
        NoticeState.IMPOSSIBLE: "impossível de enviar",
    }
)


def _notices(subject: Subject) -> Rows:
    names = ("id", "act", "recipient", "country", "state", "sent_at", "delivered_at", "created_at")
    return (
        sa.select(*(RecipientNotice.__table__.c[name] for name in names))
        .where(
            RecipientNotice.organization_id == subject.organization_id,
            RecipientNotice.client_id.in_(subject.family),
        )
        .order_by(RecipientNotice.created_at, RecipientNotice.id)
    )


def _notice(row: Any) -> Record:
    return {
        "recipient": row.recipient,
        "country": row.country,
        "act": _ACTS[row.act],
        "state": _STATES[row.state],
        "sent_at": moment(row.sent_at),
        "delivered_at": moment(row.delivered_at),
    }


RECIPIENT_SECTIONS: Final = (
    SectionSource(
        name="recipient_notices",
        label="Avisos a quem recebeu seus dados",
        origin=MADE_BY_US,
        criteria="Quem recebeu seus dados é avisado de correção, exclusão, anonimização ou "
        "bloqueio (art. 18, § 6º).",
        categories=frozenset({"compartilhamento"}),
        tables=frozenset({"recipient_notices"}),
        portable=False,
        fields={
            "recipient": "Quem recebeu",
            "country": "País",
            "act": "Avisado de",
            "state": "Situação",
            "sent_at": "Enviado em",
            "delivered_at": "Entregue em",
        },
        select=_notices,
        tell=each(_notice),
    ),
)
"""The kind of this context."""
