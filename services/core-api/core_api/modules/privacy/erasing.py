"""What requests hold of a person, and how it goes: words go, what happened when stays."""

from dataclasses import dataclass
from typing import Final, cast

import sqlalchemy as sa

from core_api.modules.privacy.forgetting import count_texts, forget_texts
from core_api.modules.privacy.models import PrivacyMessage, PrivacyRequest, PrivacyRequestStep
from core_api.subject_stores import KeptRows, Store, Subject, Tally, Workshop, of_clients
from shared_schemas.privacy import StoreAction

_REQUESTS: Final = cast("sa.Table", PrivacyRequest.__table__)
_STEPS: Final = cast("sa.Table", PrivacyRequestStep.__table__)
_MESSAGES: Final = cast("sa.Table", PrivacyMessage.__table__)
_PROOF: Final = "LGPD, art. 6º, X, e art. 16, I: prova do atendimento ao titular"


@dataclass(frozen=True, kw_only=True)
class RequestTexts:
    """What the subject and others wrote, sealed as it is."""

    name: str = "privacy_texts"
    label: str = "Textos dos pedidos do titular, de representantes e mensagens"
    action: StoreAction = StoreAction.ANONYMISE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Rows that hold words."""
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            return await count_texts(tx, subject.organization_id, subject.client_ids)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """All of them: they are a few dozen."""
        async with workshop.database.transaction(subject.organization_id) as tx:
            gone = await forget_texts(tx, subject.organization_id, subject.client_ids)
            if gone:
                await tally(tx, gone)
        return gone

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again."""
        return await self.count(workshop, subject)


def requests_of(subject: Subject) -> sa.Select[tuple[object]]:
    """Ids of what the subject has asked for."""
    return sa.select(_REQUESTS.c.id).where(
        _REQUESTS.c.organization_id == subject.organization_id,
        _REQUESTS.c.client_id.in_(subject.client_ids),
    )


def _kept(name: str, label: str, table: sa.Table) -> Store:
    where = of_clients(table.c.client_id)
    return KeptRows(name=name, label=label, ground=_PROOF, table=table, where=where)


PRIVACY_STORES: Final[tuple[Store, ...]] = (
    RequestTexts(),
    _kept("privacy_requests", "Pedidos do titular (andamento e datas)", _REQUESTS),
    _kept("privacy_request_steps", "Passos dos pedidos do titular (datas e tipos)", _STEPS),
    _kept("privacy_messages", "Mensagens dos pedidos do titular (datas e entrega)", _MESSAGES),
)
