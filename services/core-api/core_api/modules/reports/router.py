"""Reports over HTTP: as JSON, and as CSV for a spreadsheet."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from chassis.security.authentication import require
from chassis.web.dependencies import ReadTx
from chassis.web.errors import InvalidInput
from chassis.web.responses import success
from core_api.csv_export import Separator, csv_responses
from core_api.documentation import raises
from core_api.modules.reports import columns
from core_api.modules.reports.groups import Group, Now, Slices
from core_api.modules.reports.periods import Interval, Period
from core_api.modules.reports.schemas import BacklogRow, ComplianceRow, TimesRow, VolumePoint
from core_api.modules.reports.service import ReportService
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/reports", tags=["reports"])

Reader = Annotated[Actor, Depends(require(Permission.REPORTS_READ))]
By = Annotated[Group, Query(description="One row for each")]
OfInterval = Annotated[Interval, Query(description="One row for each; weeks begin on Monday")]
_PERIOD: Final = raises(InvalidInput.on("query.until", "O período pode ter no máximo dois anos."))


async def _service(actor: Reader, tx: ReadTx) -> ReportService:
    return ReportService(tx, actor.organization_id)


Service = Annotated[ReportService, Depends(_service)]


async def _period(
    service: Service,
    since: Annotated[date, Query(description="The first day", examples=["2026-11-01"])],
    until: Annotated[
        date, Query(description="The last day; up to two years later", examples=["2026-11-30"])
    ],
    time_zone: Annotated[
        str | None,
        Query(
            max_length=64,
            description="Whose midnights; the organization's when left out",
            examples=["America/Sao_Paulo"],
        ),
    ] = None,
) -> Period:
    return await service.period(since, until, time_zone)


OfPeriod = Annotated[Period, Depends(_period)]


@router.get("/volume", summary="Count what came in and what was resolved", responses=_PERIOD)
async def report_volume(
    actor: Reader, service: Service, period: OfPeriod, interval: OfInterval = Interval.DAY
) -> Success[list[VolumePoint]]:
    """By day, week or month in the organization's time zone; quiet intervals have zeros."""
    return success(actor, await service.volume(period, interval))


@router.get(
    "/volume/export",
    summary="Export the volume as CSV",
    response_class=StreamingResponse,
    responses={**csv_responses("The volume"), **_PERIOD},
)
async def export_volume(
    service: Service,
    period: OfPeriod,
    interval: OfInterval = Interval.DAY,
    separator: Separator = "semicolon",
) -> StreamingResponse:
    """As shown by the report."""
    rows = await service.volume(period, interval)
    return columns.as_csv(rows, columns.VOLUME, filename="volume.csv", separator=separator)


@router.get("/backlog", summary="Show what is unfinished, and its age")
async def report_backlog(
    actor: Reader,
    service: Service,
    by: Annotated[Now, Query(description="One row for each")] = Now.TOTAL,
) -> Success[list[BacklogRow]]:
    """As it is now; the group with most tickets first."""
    return success(actor, await service.backlog(by))


@router.get(
    "/backlog/export",
    summary="Export the backlog as CSV",
    response_class=StreamingResponse,
    responses=csv_responses("The backlog"),
)
async def export_backlog(
    service: Service,
    by: Annotated[Now, Query(description="One row for each")] = Now.TOTAL,
    separator: Separator = "semicolon",
) -> StreamingResponse:
    """As shown by the report."""
    rows = await service.backlog(by)
    return columns.as_csv(rows, columns.BACKLOG, filename="pendentes.csv", separator=separator)


@router.get("/times", summary="Show how fast tickets are answered and resolved", responses=_PERIOD)
async def report_times(
    actor: Reader, service: Service, period: OfPeriod, by: By = Group.TOTAL
) -> Success[list[TimesRow]]:
    """Median and 90th percentile, by the calendar and in business time."""
    return success(actor, await service.times(Slices(period, by)))


@router.get(
    "/times/export",
    summary="Export the times as CSV",
    response_class=StreamingResponse,
    responses={**csv_responses("The times"), **_PERIOD},
)
async def export_times(
    service: Service, period: OfPeriod, by: By = Group.TOTAL, separator: Separator = "semicolon"
) -> StreamingResponse:
    """As shown by the report."""
    rows = await service.times(Slices(period, by))
    return columns.as_csv(rows, columns.TIMES, filename="tempos.csv", separator=separator)


@router.get("/sla", summary="Show how well service levels are kept", responses=_PERIOD)
async def report_sla(
    actor: Reader, service: Service, period: OfPeriod, by: By = Group.TOTAL
) -> Success[list[ComplianceRow]]:
    """Of timers that started in the period, one row per target: met, breached, pending."""
    return success(actor, await service.compliance(Slices(period, by)))


@router.get(
    "/sla/export",
    summary="Export compliance as CSV",
    response_class=StreamingResponse,
    responses={**csv_responses("Compliance"), **_PERIOD},
)
async def export_sla(
    service: Service, period: OfPeriod, by: By = Group.TOTAL, separator: Separator = "semicolon"
) -> StreamingResponse:
    """As shown by the report."""
    rows = await service.compliance(Slices(period, by))
    return columns.as_csv(rows, columns.COMPLIANCE, filename="sla.csv", separator=separator)
