"""Erasures and legal holds of one organization in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.erasure.exceptions import ErasureNotFound, HoldNotFound
from core_api.modules.erasure.models import Erasure, ErasurePart, ErasureStep, LegalHold
from shared_schemas.ids import OrganizationId

NEWEST_FIRST: Final = Keyset(
    name="-created_at", column=Erasure.created_at, id=Erasure.id, parse=datetime.fromisoformat
)
REVIEWED_FIRST: Final = Keyset(
    name="review_on", column=LegalHold.review_on, id=LegalHold.id, parse=date.fromisoformat
)


@dataclass(frozen=True, kw_only=True)
class ErasureFilter:
    """Which erasures; None means any."""

    client_id: UUID | None = None
    is_open: bool | None = None


class Erasures:
    """The erasures of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, erasure_id: UUID, *, lock: bool = False) -> Erasure:
        """The erasure as it is now, or ErasureNotFound."""
        statement = sa.select(Erasure).where(self._mine(), Erasure.id == erasure_id)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        found = (await self._session.scalars(statement)).one_or_none()
        if found is None:
            raise ErasureNotFound
        return found

    async def unfinished(self, client_ids: Sequence[UUID], *, lock: bool = False) -> Erasure | None:
        """The one that is under way for any of these clients."""
        statement = (
            sa.select(Erasure)
            .where(self._mine(), Erasure.client_id.in_(client_ids), Erasure.completed_at.is_(None))
            .order_by(Erasure.id)
            .limit(1)
        )
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return (await self._session.scalars(statement)).one_or_none()

    async def unfinished_of(self, privacy_request_id: UUID) -> Erasure | None:
        """The one that is under way on this request."""
        statement = sa.select(Erasure).where(
            self._mine(),
            Erasure.privacy_request_id == privacy_request_id,
            Erasure.completed_at.is_(None),
        )
        return (await self._session.scalars(statement.limit(1))).one_or_none()

    async def is_erased(self, client_id: UUID) -> bool:
        """Whether an erasure of the client was completed."""
        statement = sa.select(Erasure.id).where(
            self._mine(), Erasure.client_id == client_id, Erasure.completed_at.is_not(None)
        )
        return await self._session.scalar(statement.limit(1)) is not None

    async def list(self, wanted: ErasureFilter, page: CursorPage) -> Sequence[Erasure]:
        """A page, newest first."""
        statement = sa.select(Erasure).where(self._mine())
        if wanted.client_id is not None:
            statement = statement.where(Erasure.client_id == wanted.client_id)
        if wanted.is_open is not None:
            done = Erasure.completed_at.is_not(None)
            statement = statement.where(~done if wanted.is_open else done)
        return (await self._session.scalars(NEWEST_FIRST.page(statement, page))).all()

    async def parts(self, erasure_ids: Sequence[UUID]) -> Sequence[ErasurePart]:
        """Of some erasures, in the order of their services."""
        statement = sa.select(ErasurePart).where(
            ErasurePart.organization_id == self._organization_id,
            ErasurePart.erasure_id.in_(erasure_ids),
        )
        ordered = statement.order_by(ErasurePart.erasure_id, ErasurePart.service)
        return (await self._session.scalars(ordered)).all()

    async def part_for_update(self, erasure_id: UUID, service: str) -> ErasurePart | None:
        """One service's part, locked; None when it has none."""
        statement = (
            sa.select(ErasurePart)
            .where(
                ErasurePart.organization_id == self._organization_id,
                ErasurePart.erasure_id == erasure_id,
                ErasurePart.service == service,
            )
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self._session.scalars(statement)).one_or_none()

    async def steps(self, erasure_id: UUID) -> Sequence[ErasureStep]:
        """What was done so far, store by store."""
        statement = sa.select(ErasureStep).where(
            ErasureStep.organization_id == self._organization_id,
            ErasureStep.erasure_id == erasure_id,
        )
        return (await self._session.scalars(statement.order_by(ErasureStep.store))).all()

    async def note(self, erasure_id: UUID, store: str, **values: Any) -> None:
        """Writes a step: `erased` is added to what it has, other values replace its own."""
        added = values.get("erased", 0)
        row = {
            "organization_id": self._organization_id,
            "erasure_id": erasure_id,
            "store": store,
            **values,
        }
        changes = {name: value for name, value in values.items() if name != "erased"}
        changes["erased"] = ErasureStep.erased + added
        statement = insert(ErasureStep).values(row)
        key = ["organization_id", "erasure_id", "store"]
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=key, set_=changes)
        )

    def _mine(self) -> sa.ColumnElement[bool]:
        return Erasure.organization_id == self._organization_id


class LegalHolds:
    """The legal holds of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, hold_id: UUID, *, lock: bool = False) -> LegalHold:
        """The hold, or HoldNotFound."""
        statement = sa.select(LegalHold).where(self._mine(), LegalHold.id == hold_id)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        found = (await self._session.scalars(statement)).one_or_none()
        if found is None:
            raise HoldNotFound
        return found

    async def standing_on(self, client_ids: Sequence[UUID]) -> Sequence[LegalHold]:
        """What holds any of these clients, the next to be reviewed first."""
        statement = sa.select(LegalHold).where(
            self._mine(), LegalHold.client_id.in_(client_ids), LegalHold.lifted_at.is_(None)
        )
        ordered = statement.order_by(LegalHold.review_on, LegalHold.id)
        return (await self._session.scalars(ordered)).all()

    async def list(
        self, page: CursorPage, *, client_ids: Sequence[UUID] | None, standing: bool | None
    ) -> Sequence[LegalHold]:
        """A page, the next to be reviewed first."""
        statement = sa.select(LegalHold).where(self._mine())
        if client_ids is not None:
            statement = statement.where(LegalHold.client_id.in_(client_ids))
        if standing is not None:
            lifted = LegalHold.lifted_at.is_not(None)
            statement = statement.where(~lifted if standing else lifted)
        return (await self._session.scalars(REVIEWED_FIRST.page(statement, page))).all()

    def _mine(self) -> sa.ColumnElement[bool]:
        return LegalHold.organization_id == self._organization_id
