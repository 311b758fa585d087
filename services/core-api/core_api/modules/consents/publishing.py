"""The registry of purposes: registering, changing, archiving them, publishing their notices."""

import hashlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.etag import check_version
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.consents import ledger
from core_api.modules.consents.exceptions import ArticleForeign, PurposeArchived
from core_api.modules.consents.models import ConsentNotice, ConsentPurpose, LegalBasis
from core_api.modules.consents.registry import ARTICLES, complete_retention
from core_api.modules.consents.repository import Purposes
from core_api.modules.consents.schemas import NoticeCreate, PurposeCreate
from shared_schemas.actor import Actor
from shared_schemas.events import PurposeChanged
from shared_schemas.ids import new_id

_NOTICE = {"notice_text", "locale"}


class PurposeService:
    """The commands on purposes, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.purposes = Purposes(tx, actor.organization_id)

    async def create(self, given: PurposeCreate) -> sa.Row[Any]:
        """Registers a purpose with version 1 of its notice."""
        values = given.model_dump(exclude=_NOTICE)
        _check_articles(given.legal_basis, given.articles)
        complete_retention(values)
        values["articles"] = given.articles or list(ARTICLES[given.legal_basis][:1])
        purpose = ConsentPurpose(
            id=new_id(), organization_id=self.actor.organization_id, notice_version=1, **values
        )
        self.tx.add(purpose)
        await self.tx.flush()  # the notice refers to it
        notice = self._publish(purpose, given.notice_text, given.locale, is_material=False)
        changes = made(values | given.model_dump(include=_NOTICE) | {"notice_version": 1})
        await audit.record(
            self.tx, self.actor, "consent_purpose.created", purpose.id, changes=changes
        )
        self._tell(purpose)
        await ledger.append(self.tx, self.actor.organization_id, [ledger.of_notice(notice)])
        return await self.purposes.get(given.code)

    async def change(
        self, code: str, values: dict[str, Any], seen_version: int | None
    ) -> sa.Row[Any]:
        """Changes what the registry says of the purpose. Clients are shown the notice."""
        purpose = await self._editable(code, seen_version)
        _check_articles(purpose.legal_basis, values.get("articles", ()))
        names = ("retention_days", "retention_from", "retention_then")
        complete_retention({name: getattr(purpose, name) for name in names} | values)
        await self._note("consent_purpose.updated", purpose, values)
        return await self.purposes.get(code)

    async def archive(self, code: str, seen_version: int | None) -> sa.Row[Any]:
        """From now on nobody decides about it, and it carries no processing. Receipts stay."""
        purpose = await self._editable(code, seen_version)
        await self._note("consent_purpose.archived", purpose, {"archived_at": utc_now()})
        return await self.purposes.get(code)

    async def restore(self, code: str, seen_version: int | None) -> sa.Row[Any]:
        """Takes an archived purpose up again; consents that were not ended stand as before."""
        purpose = await self.purposes.get_for_update(code)
        check_version(purpose.version, seen_version)
        await self._note("consent_purpose.restored", purpose, {"archived_at": None})
        return await self.purposes.get(code)

    async def publish(
        self, code: str, given: NoticeCreate, seen_version: int | None
    ) -> ConsentNotice:
        """The next version of the notice. Receipts keep referring to the one they were given on;
        after a material change they are to be renewed (LGPD Art. 8 § 6)."""
        purpose = await self._editable(code, seen_version)
        version = purpose.notice_version + 1
        values = {"notice_version": version}
        if given.is_material:
            values["material_version"] = version
        changes = purpose.change(values)
        notice = self._publish(
            purpose, given.notice_text, given.locale, is_material=given.is_material
        )
        await audit.record(
            self.tx,
            self.actor,
            "consent_purpose.notice_published",
            purpose.id,
            changes=changes,
            related={"notice_id": notice.id},
        )
        await self.tx.flush()
        self._tell(purpose)
        await ledger.append(self.tx, self.actor.organization_id, [ledger.of_notice(notice)])
        return notice

    async def _editable(self, code: str, seen_version: int | None) -> ConsentPurpose:
        purpose = await self.purposes.get_for_update(code)
        check_version(purpose.version, seen_version)
        if purpose.archived_at is not None:
            raise PurposeArchived
        return purpose

    async def _note(self, action: str, purpose: ConsentPurpose, values: dict[str, Any]) -> None:
        changes = purpose.change(values)
        if changes:
            await audit.record(self.tx, self.actor, action, purpose.id, changes=changes)
            await self.tx.flush()
            self._tell(purpose)

    def _tell(self, purpose: ConsentPurpose) -> None:
        """Whoever uses data for the purpose judges by this. Flushed before: the version counts."""
        event = PurposeChanged.by(
            self.actor,
            purpose_id=purpose.id,
            purpose_code=purpose.code,
            legal_basis=purpose.legal_basis,
            assistant_may_use=purpose.assistant_may_use,
            archived=purpose.archived_at is not None,
            material_version=purpose.material_version,
            version=purpose.version,
        )
        outbox.add(self.tx, event)

    def _publish(
        self, purpose: ConsentPurpose, text: str, locale: str, *, is_material: bool
    ) -> ConsentNotice:
        notice = ConsentNotice(
            id=new_id(),
            organization_id=self.actor.organization_id,
            purpose_id=purpose.id,
            version=purpose.notice_version,
            locale=locale,
            text=text,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            is_material=is_material,
            published_by=self.actor.user_id,
            created_at=utc_now(),
        )
        self.tx.add(notice)
        return notice


def _check_articles(legal_basis: LegalBasis, articles: Any) -> None:
    foreign = [article for article in articles if article not in ARTICLES[legal_basis]]
    if foreign:
        raise ArticleForeign.on(
            "body.articles",
            f"Não fundamentam esta base legal: {', '.join(foreign)}. "
            f"Cabem: {', '.join(ARTICLES[legal_basis])}.",
        )
