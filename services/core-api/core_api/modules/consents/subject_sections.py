"""What consents tell the person who decided: their decisions, and what is blocked for them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from core_api.modules.consents.ledger_models import BlockCause, ProcessingBlock
from core_api.modules.consents.models import (
    Consent,
    ConsentChannel,
    ConsentNotice,
    ConsentPurpose,
    ConsentStatus,
)
from core_api.modules.consents.repository import standing_consents
from core_api.subject_sections import (
    MADE_BY_US,
    Rows,
    SectionSource,
    Subject,
    each,
    moment,
)
from shared_schemas.privacy import Record

STATUS_NAMES: Final[Mapping[ConsentStatus, str]] = MappingProxyType(
    {
        ConsentStatus.GRANTED: "autorizado",
        ConsentStatus.REFUSED: "não autorizado",
        ConsentStatus.REVOKED: "revogado",
        ConsentStatus.EXPIRED: "vencido",
    }
)
_CHANNELS: Final[Mapping[ConsentChannel, str]] = MappingProxyType(
    {
        ConsentChannel.WEB: "site",
        ConsentChannel.EMAIL: "e-mail",
        ConsentChannel.PHONE: "telefone",
        ConsentChannel.WHATSAPP: "WhatsApp",
        ConsentChannel.IN_PERSON: "presencial",
        ConsentChannel.PAPER: "papel",
        ConsentChannel.API: "outro sistema",
        ConsentChannel.PREFERENCES_LINK: "link de preferências, por você",
    }
)
_CAUSES: Final[Mapping[BlockCause, str]] = MappingProxyType(
    {
        BlockCause.BLOCKING: "bloqueio pedido por você (art. 18, IV)",
        BlockCause.OPPOSITION: "oposição sua a este uso (art. 18, § 2º)",
        BlockCause.OTHER: "outro motivo",
    }
)


def _consents(subject: Subject) -> Rows:
    notice = sa.and_(
        ConsentNotice.organization_id == Consent.organization_id,
        ConsentNotice.purpose_id == Consent.purpose_id,
        ConsentNotice.version == Consent.notice_version,
    )
    return (
        standing_consents(subject.organization_id)
        .join(ConsentNotice, notice)
        .add_columns(ConsentNotice.text.label("notice_text"), ConsentPurpose.name)
        .where(Consent.client_id.in_(subject.family))
        .order_by(Consent.decided_at, Consent.id)
    )


def _consent(row: Any) -> Record:
    return {
        "id": str(row.id),
        "purpose": row.name,
        "purpose_code": row.purpose_code,
        "status": STATUS_NAMES[ConsentStatus(row.status)],
        "channel": _CHANNELS[row.channel],
        "shown_at": moment(row.shown_at),
        "decided_at": moment(row.decided_at),
        "expires_at": moment(row.expires_at),
        "revoked_at": moment(row.revoked_at),
        "revocation_reason": row.revocation_reason,
        "notice_version": row.notice_version,
        "notice_sha256": row.notice_sha256,
        "notice_text": row.notice_text,
    }


def _blocks(subject: Subject) -> Rows:
    purpose = sa.and_(
        ConsentPurpose.organization_id == ProcessingBlock.organization_id,
        ConsentPurpose.id == ProcessingBlock.purpose_id,
    )
    return (
        sa.select(
            ProcessingBlock.id,
            ProcessingBlock.cause,
            ProcessingBlock.blocked_at,
            ProcessingBlock.lifted_at,
            ConsentPurpose.name,
        )
        .outerjoin(ConsentPurpose, purpose)
        .where(
            ProcessingBlock.organization_id == subject.organization_id,
            ProcessingBlock.client_id.in_(subject.family),
        )
        .order_by(ProcessingBlock.blocked_at, ProcessingBlock.id)
    )


def _block(row: Any) -> Record:
    return {
        "cause": _CAUSES[row.cause],
        "purpose": row.name or "qualquer uso",
        "blocked_at": moment(row.blocked_at),
        "lifted_at": moment(row.lifted_at),
    }


CONSENT_SECTIONS: Final = (
    SectionSource(
        name="consents",
        label="Suas autorizações",
        origin="Decididas por você, no canal indicado em cada uma.",
        criteria="Provam o que você autorizou ou recusou, e com base em qual texto (art. 8º, "
        "§ 2º). Ficam guardadas como prova mesmo depois de revogadas.",
        categories=frozenset({"consentimento", "consentimentos", "preferencias"}),
        tables=frozenset({"consents", "consent_revocations", "consent_expiries"}),
        fields={
            "id": "Número do recibo",
            "purpose": "Finalidade",
            "purpose_code": "Código da finalidade",
            "status": "Situação hoje",
            "channel": "Canal",
            "shown_at": "Texto mostrado em",
            "decided_at": "Decidido em",
            "expires_at": "Vale até",
            "revoked_at": "Encerrado em",
            "revocation_reason": "Motivo informado",
            "notice_version": "Versão do texto",
            "notice_sha256": "SHA-256 do texto",
            "notice_text": "Texto mostrado",
        },
        select=_consents,
        tell=each(_consent),
    ),
    SectionSource(
        name="blocks",
        label="Usos bloqueados",
        origin=MADE_BY_US,
        criteria="Enquanto um bloqueio vale, o dado fica guardado e não é usado.",
        categories=frozenset({"consentimento", "preferencias"}),
        tables=frozenset({"processing_blocks"}),
        portable=False,
        fields={
            "cause": "Motivo",
            "purpose": "Uso bloqueado",
            "blocked_at": "Desde",
            "lifted_at": "Até",
        },
        select=_blocks,
        tell=each(_block),
    ),
)
"""The kinds of this context."""
