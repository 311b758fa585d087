"""Business calendars over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status

from chassis.data.columns import utc_now
from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.sla.exceptions import (
    SlaCalendarInUse,
    SlaCalendarNameTaken,
    SlaCalendarNotFound,
)
from core_api.modules.sla.models import SlaCalendar
from core_api.modules.sla.repository import CALENDAR_ORDER, CALENDAR_REVISION_ORDER, CalendarRows
from core_api.modules.sla.schemas import (
    CalendarCreate,
    CalendarRead,
    CalendarUpdate,
    RevisionRead,
)
from core_api.modules.sla.settings import CalendarService
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/sla-calendars", tags=["sla"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
Configurer = Annotated[Actor, Depends(require(Permission.DESK_CONFIGURE))]
CalendarId = Annotated[UUID, Path(description="The calendar's id")]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Add a business calendar",
    responses=raises(SlaCalendarNameTaken, IdempotencyKeyReused),
)
async def create_sla_calendar(
    given: CalendarCreate, actor: Configurer, tx: Tx, response: Response
) -> Success[CalendarRead]:
    """Says when the organization works: intervals per weekday, holidays, special days, time zone.

    Around the clock: every day from `00:00` to `24:00`, without holidays.
    """
    calendar = await CalendarService(tx, actor).create(given)
    response.headers["location"] = f"/api/v1/sla-calendars/{calendar.id}"
    return versioned(actor, response, _read(calendar))


@router.get("", summary="List business calendars")
async def list_sla_calendars(
    actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[CalendarRead]]:
    """By name, each with the holidays of the coming year."""
    rows = await CalendarRows(tx, actor.organization_id).list(page)
    return page.answer(actor, rows, _read, CALENDAR_ORDER.position)


@router.get(
    "/{calendar_id}", summary="Show a business calendar", responses=raises(SlaCalendarNotFound)
)
async def get_sla_calendar(
    calendar_id: CalendarId, actor: Reader, tx: ReadTx, response: Response
) -> Success[CalendarRead]:
    """One calendar, with its version as `ETag`."""
    calendar = await CalendarRows(tx, actor.organization_id).get(calendar_id)
    return versioned(actor, response, _read(calendar))


@router.get(
    "/{calendar_id}/revisions",
    summary="List what a calendar said",
    responses=raises(SlaCalendarNotFound),
)
async def list_sla_calendar_revisions(
    calendar_id: CalendarId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[RevisionRead]]:
    """Every revision, newest first, with the holidays as they were known when it was made."""
    rows = await CalendarRows(tx, actor.organization_id).revisions(calendar_id, page)
    read, position = RevisionRead.model_validate, CALENDAR_REVISION_ORDER.position
    return page.answer(actor, rows, read, position)


@router.patch(
    "/{calendar_id}",
    summary="Change a business calendar",
    responses=raises(SlaCalendarNotFound, SlaCalendarNameTaken),
)
async def change_sla_calendar(
    calendar_id: CalendarId,
    given: CalendarUpdate,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[CalendarRead]:
    """Changes the fields that are sent. Time that has passed stays counted as it was.

    Open tickets follow within moments: see `GET /sla-recomputations`.
    """
    calendar = await CalendarService(tx, actor).change(calendar_id, changes(given), seen_version)
    return versioned(actor, response, _read(calendar))


@router.delete(
    "/{calendar_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a business calendar",
    responses=raises(SlaCalendarNotFound, SlaCalendarInUse),
)
async def delete_sla_calendar(
    calendar_id: CalendarId, actor: Configurer, tx: Tx, seen_version: IfMatch
) -> None:
    """Takes away a calendar that no policy counts on. What was counted by it stays."""
    await CalendarService(tx, actor).delete(calendar_id, seen_version)


def _read(calendar: SlaCalendar) -> CalendarRead:
    return CalendarRead.of(calendar, utc_now().date())
