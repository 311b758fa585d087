"""What erasing itself keeps of a person: that it was done."""

from typing import Final, cast

import sqlalchemy as sa

from core_api.modules.erasure.models import Erasure, ErasurePart, ErasureStep, LegalHold
from core_api.subject_stores import KeptRows, Store, Subject, of_clients

_ERASURES: Final = cast("sa.Table", Erasure.__table__)
_PARTS: Final = cast("sa.Table", ErasurePart.__table__)
_STEPS: Final = cast("sa.Table", ErasureStep.__table__)
_HOLDS: Final = cast("sa.Table", LegalHold.__table__)
_PROOF: Final = "LGPD, art. 6º, X, e art. 16, I: prova do atendimento ao titular"


def _mine(subject: Subject) -> sa.Select[tuple[object]]:
    return sa.select(_ERASURES.c.id).where(
        _ERASURES.c.organization_id == subject.organization_id,
        _ERASURES.c.client_id.in_(subject.client_ids),
    )


ERASURE_STORES: Final[tuple[Store, ...]] = (
    KeptRows(
        name="erasures",
        label="Eliminações: andamento e recibo (identificadores e contagens)",
        ground=_PROOF,
        table=_ERASURES,
        where=of_clients(_ERASURES.c.client_id),
    ),
    KeptRows(
        name="erasure_parts",
        label="Partes de eliminações, por serviço (contagens)",
        ground=_PROOF,
        table=_PARTS,
        where=lambda subject: _PARTS.c.erasure_id.in_(_mine(subject)),
    ),
    KeptRows(
        name="erasure_steps",
        label="Passos de eliminações, por lugar (contagens)",
        ground=_PROOF,
        table=_STEPS,
        where=lambda subject: _STEPS.c.erasure_id.in_(_mine(subject)),
    ),
    KeptRows(
        name="legal_holds",
        label="Suspensões legais (motivos ilegíveis sem a chave do titular)",
        ground=_PROOF,
        table=_HOLDS,
        where=of_clients(_HOLDS.c.client_id),
    ),
)
