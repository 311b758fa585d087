"""What consents hold of a person: receipts and the ledger stay, in ids and hashes; somebody's words
go, and links lead nowhere any more."""

from typing import Final, cast

import sqlalchemy as sa

from core_api.modules.consents.ledger_models import (
    ConsentExpiry,
    LedgerLink,
    PreferencesLink,
    ProcessingBlock,
)
from core_api.modules.consents.models import Consent, ConsentRevocation
from core_api.subject_stores import KeptRows, RowStore, Store, Subject, of_clients

_CONSENTS: Final = cast("sa.Table", Consent.__table__)
_ENDS: Final = cast("sa.Table", ConsentRevocation.__table__)
_LEDGER: Final = cast("sa.Table", LedgerLink.__table__)
_EXPIRIES: Final = cast("sa.Table", ConsentExpiry.__table__)
_LINKS: Final = cast("sa.Table", PreferencesLink.__table__)
_BLOCKS: Final = cast("sa.Table", ProcessingBlock.__table__)
_PROOF: Final = "LGPD, art. 8º, § 2º, e art. 16, I: o controlador prova o consentimento"


def _consents(subject: Subject) -> sa.Select[tuple[object]]:
    return sa.select(_CONSENTS.c.id).where(
        _CONSENTS.c.organization_id == subject.organization_id,
        _CONSENTS.c.client_id.in_(subject.client_ids),
    )


def _ends(subject: Subject) -> sa.Select[tuple[object]]:
    return sa.select(_ENDS.c.id).where(
        _ENDS.c.organization_id == subject.organization_id,
        _ENDS.c.consent_id.in_(_consents(subject)),
    )


CONSENT_STORES: Final[tuple[Store, ...]] = (
    RowStore(
        name="consent_revocation_reasons",
        label="Motivos escritos em revogações de consentimento",
        table=_ENDS,
        where=lambda subject: sa.and_(
            _ENDS.c.consent_id.in_(_consents(subject)), _ENDS.c.reason.is_not(None)
        ),
        blank={"reason": None},
    ),
    RowStore(
        name="preferences_links",
        label="Links de preferências ainda válidos",
        table=_LINKS,
        where=lambda subject: sa.and_(
            _LINKS.c.client_id.in_(subject.client_ids), _LINKS.c.used_at.is_(None)
        ),
        blank={"used_at": sa.func.now()},
    ),
    KeptRows(
        name="consents",
        label="Recibos de consentimento (identificadores e resumos)",
        ground=_PROOF,
        table=_CONSENTS,
        where=of_clients(_CONSENTS.c.client_id),
    ),
    KeptRows(
        name="consent_revocations",
        label="Fins de consentimentos (identificadores e datas)",
        ground=_PROOF,
        table=_ENDS,
        where=lambda subject: _ENDS.c.consent_id.in_(_consents(subject)),
    ),
    KeptRows(
        name="consent_expiries",
        label="Prazos de consentimentos (identificadores e datas)",
        ground=_PROOF,
        table=_EXPIRIES,
        where=lambda subject: _EXPIRIES.c.consent_id.in_(_consents(subject)),
    ),
    KeptRows(
        name="consent_ledger",
        label="Cadeia de consentimentos (identificadores e resumos)",
        ground=_PROOF,
        table=_LEDGER,
        where=lambda subject: sa.or_(
            _LEDGER.c.receipt_id.in_(_consents(subject)), _LEDGER.c.receipt_id.in_(_ends(subject))
        ),
    ),
    KeptRows(
        name="processing_blocks",
        label="Bloqueios de tratamento (identificadores e datas)",
        ground="LGPD, art. 6º, X, e art. 18: prova do atendimento ao titular",
        table=_BLOCKS,
        where=of_clients(_BLOCKS.c.client_id),
    ),
)
