"""Facts for a service that decides by them who may read what. Never reachable from outside."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from chassis.data.columns import utc_now
from chassis.web.dependencies import CurrentResources, InternalCaller
from core_api.modules.access_facts.reading import PAGE, facts_of, page_of
from shared_schemas.envelope import Success
from shared_schemas.ids import OrganizationId

router = APIRouter(prefix="/access-facts", tags=["access-facts"])


class FactKind(StrEnum):
    """What there are facts about."""

    TEAM_MEMBERS = "team-members"
    PURPOSES = "purposes"
    BLOCKS = "blocks"
    TRANSFERS = "transfers"
    CONSENTS = "consents"
    MERGES = "merges"
    DELETED_CLIENTS = "deleted-clients"


class Facts(BaseModel):
    """A page of facts: ids, codes and times."""

    as_of: datetime = Field(description="Before the page was read")
    facts: list[dict[str, Any]]
    is_last: bool


@router.get("")
async def read_facts(
    organization_id: Annotated[UUID, Query(examples=["0192a000-0000-7000-8000-00000000a001"])],
    kind: Annotated[FactKind, Query(examples=["team-members"])],
    caller: InternalCaller,
    resources: CurrentResources,
    after: Annotated[list[UUID] | None, Query(max_length=2)] = None,
) -> Success[Facts]:
    """Who is in which team; what purposes are, which data is blocked, what may leave the country;
    what clients decided, and what of it was revoked; who was merged into whom; who was deleted."""
    as_of = utc_now()
    tenant = OrganizationId(organization_id)
    async with resources.database.transaction(tenant, read_only=True) as session:
        found = await page_of(session, tenant, kind.value, tuple(after or ()))
    page = Facts(as_of=as_of, facts=found, is_last=len(found) < PAGE)
    return Success(data=page, request_id=caller.request_id)


@router.get("/of-clients")
async def read_facts_of_clients(
    organization_id: Annotated[UUID, Query(examples=["0192a000-0000-7000-8000-00000000a001"])],
    client_ids: Annotated[list[UUID], Query(min_length=1, max_length=100)],
    caller: InternalCaller,
    resources: CurrentResources,
) -> Success[dict[str, list[dict[str, Any]]]]:
    """What purposes are, and what of these clients is blocked, granted, refused and revoked now."""
    tenant = OrganizationId(organization_id)
    async with resources.database.transaction(tenant, read_only=True) as session:
        found = await facts_of(session, tenant, client_ids)
    return Success(data=found, request_id=caller.request_id)
