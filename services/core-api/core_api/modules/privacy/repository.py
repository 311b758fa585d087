"""Requests of one organization's data subjects in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.privacy.exceptions import MessageNotFound, RequestNotFound
from core_api.modules.privacy.kinds import (
    CLOSED,
    DESTROYING,
    OPEN,
    RequestStatus,
    RequestType,
)
from core_api.modules.privacy.models import PrivacyMessage, PrivacyRequest, PrivacyRequestStep
from shared_schemas.ids import OrganizationId


def _orders() -> Mapping[str, Keyset]:
    columns: dict[str, Any] = {
        "due_at": PrivacyRequest.due_at,
        "received_at": PrivacyRequest.received_at,
    }
    return MappingProxyType(
        {
            name: Keyset(
                name=name, column=column, id=PrivacyRequest.id, parse=datetime.fromisoformat
            )
            for plain, column in columns.items()
            for name in (plain, f"-{plain}")
        }
    )


ORDERS: Final = _orders()
STEP_ORDER: Final = Keyset(
    name="occurred_at",
    column=PrivacyRequestStep.occurred_at,
    id=PrivacyRequestStep.id,
    parse=datetime.fromisoformat,
)
MESSAGE_ORDER: Final = Keyset(
    name="created_at",
    column=PrivacyMessage.created_at,
    id=PrivacyMessage.id,
    parse=datetime.fromisoformat,
)


_CALLED_OFF: Final = frozenset({RequestStatus.REFUSED, RequestStatus.CANCELLED})


@dataclass(frozen=True, kw_only=True)
class RequestFilter:
    """Which requests; None and empty mean any."""

    statuses: frozenset[RequestStatus] = frozenset()
    types: frozenset[RequestType] = frozenset()
    family: Sequence[UUID] | None = None
    overdue: bool | None = None
    open: bool | None = None


class Requests:
    """The requests of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, request_id: UUID) -> PrivacyRequest:
        """The request, or RequestNotFound."""
        statement = sa.select(PrivacyRequest).where(self._mine(), PrivacyRequest.id == request_id)
        return self._found((await self._session.scalars(statement)).one_or_none())

    async def get_for_update(self, request_id: UUID) -> PrivacyRequest:
        """The request as it is now, locked until the end of the transaction; RequestNotFound."""
        statement = (
            sa.select(PrivacyRequest)
            .where(self._mine(), PrivacyRequest.id == request_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return self._found((await self._session.scalars(statement)).one_or_none())

    async def list(
        self, wanted: RequestFilter, order: Keyset, page: CursorPage
    ) -> Sequence[PrivacyRequest]:
        """A page."""
        statement = sa.select(PrivacyRequest).where(self._mine(), *_narrowing(wanted))
        return (await self._session.scalars(order.page(statement, page))).all()

    async def of_clients(self, client_ids: Sequence[UUID], limit: int) -> Sequence[PrivacyRequest]:
        """The latest requests of a client and those merged into it."""
        statement = (
            sa.select(PrivacyRequest)
            .where(self._mine(), PrivacyRequest.client_id.in_(client_ids))
            .order_by(PrivacyRequest.received_at.desc(), PrivacyRequest.id.desc())
            .limit(limit)
        )
        return (await self._session.scalars(statement)).all()

    async def destroying(
        self, family: Sequence[UUID]
    ) -> Sequence[sa.Row[UUID, RequestType, RequestStatus]]:
        """Erasures and anonymisations of a family that were not called off: `id`, `type` and
        `status`."""
        statement = (
            sa.select(PrivacyRequest.id, PrivacyRequest.type, PrivacyRequest.status)
            .where(
                self._mine(),
                PrivacyRequest.client_id.in_(family),
                PrivacyRequest.type.in_(DESTROYING),
                PrivacyRequest.status.not_in(_CALLED_OFF),
            )
            .order_by(PrivacyRequest.id)
        )
        return (await self._session.execute(statement)).all()

    async def unexecuted_for_update(self, family: Sequence[UUID]) -> Sequence[PrivacyRequest]:
        """Those of a family that are open and nobody executes, locked."""
        statement = (
            sa.select(PrivacyRequest)
            .where(
                self._mine(),
                PrivacyRequest.client_id.in_(family),
                PrivacyRequest.status.in_(OPEN - {RequestStatus.EXECUTING}),
            )
            .order_by(PrivacyRequest.id)
            .with_for_update()
        )
        return (await self._session.scalars(statement)).all()

    async def steps(self, request_id: UUID, page: CursorPage) -> Sequence[PrivacyRequestStep]:
        """What happened to a request, from the beginning."""
        statement = sa.select(PrivacyRequestStep).where(
            PrivacyRequestStep.organization_id == self._organization_id,
            PrivacyRequestStep.request_id == request_id,
        )
        return (await self._session.scalars(STEP_ORDER.page(statement, page))).all()

    async def messages(self, request_id: UUID, page: CursorPage) -> Sequence[PrivacyMessage]:
        """What was said about a request, from the beginning."""
        statement = self._messages_of(request_id)
        return (await self._session.scalars(MESSAGE_ORDER.page(statement, page))).all()

    async def message_for_update(self, request_id: UUID, message_id: UUID) -> PrivacyMessage:
        """One of them, locked, or MessageNotFound."""
        statement = self._messages_of(request_id).where(PrivacyMessage.id == message_id)
        message = (await self._session.scalars(statement.with_for_update())).one_or_none()
        if message is None:
            raise MessageNotFound
        return message

    def _messages_of(self, request_id: UUID) -> sa.Select[PrivacyMessage]:
        return sa.select(PrivacyMessage).where(
            PrivacyMessage.organization_id == self._organization_id,
            PrivacyMessage.request_id == request_id,
        )

    def _found(self, request: PrivacyRequest | None) -> PrivacyRequest:
        if request is None:
            raise RequestNotFound
        return request

    def _mine(self) -> sa.ColumnElement[bool]:
        return PrivacyRequest.organization_id == self._organization_id


def _narrowing(wanted: RequestFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.statuses:
        conditions.append(PrivacyRequest.status.in_(wanted.statuses))
    if wanted.types:
        conditions.append(PrivacyRequest.type.in_(wanted.types))
    if wanted.family is not None:
        conditions.append(PrivacyRequest.client_id.in_(wanted.family))
    if wanted.open is not None:
        conditions.append(PrivacyRequest.status.in_(OPEN if wanted.open else CLOSED))
    if wanted.overdue is not None:
        overdue = _overdue()
        conditions.append(overdue if wanted.overdue else sa.not_(overdue))
    return conditions


def _overdue() -> sa.ColumnElement[bool]:
    """Open past its time. While the clock stands nothing becomes late; what was, stays so."""
    stands = sa.func.coalesce(PrivacyRequest.paused_at, utc_now())
    return sa.and_(PrivacyRequest.status.not_in(CLOSED), PrivacyRequest.due_at < stands)
