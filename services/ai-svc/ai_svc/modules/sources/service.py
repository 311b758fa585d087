"""Setting sources up, changing them, and having them looked at when it is time."""

from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from fastapi.exceptions import RequestValidationError
from pydantic_core import PydanticCustomError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.sources.exceptions import CredentialsNotKept, SyncUnderWay
from ai_svc.modules.sources.readers import hand_on, readers_of
from ai_svc.modules.sources.repository import Sources
from ai_svc.modules.sources.schemas import (
    BucketKey,
    SourceChange,
    SourceCreate,
    SourceOptions,
    check_access,
)
from ai_svc.workshop import Workshop
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.web.errors import InvalidInput
from knowledge.models import Visibility
from knowledge.sources.credentials import Credentials, CredentialSafe
from knowledge.sources.models import RunTrigger, SourceKind, WatchedSource
from knowledge.sources.rows import place_of
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.permissions import Role

_AT_ONCE: Final = 500


async def create(
    session: AsyncSession, actor: Actor, workshop: Workshop, given: SourceCreate
) -> WatchedSource:
    """It is looked at for the first time right away. Raises UrlRefused, CredentialsNotKept."""
    _check_addresses(workshop, given.kind, given.address, given.options)
    values = given.model_dump(exclude={"options", "credentials", "allowed_roles"})
    source = WatchedSource(
        **values,
        id=new_id(),
        organization_id=actor.organization_id,
        created_by=actor.user_id,
        options=_options(given.options),
        allowed_roles=[role.value for role in given.allowed_roles],
        next_sync_at=utc_now() if given.every_minutes is not None else None,
    )
    source.sealed_credentials = _sealed(workshop, source, given.credentials)
    session.add(source)
    await session.flush()
    return source


async def change(
    session: AsyncSession,
    actor: Actor,
    workshop: Workshop,
    source: WatchedSource,
    given: SourceChange,
) -> None:
    """Applies all of it to the locked source, or nothing. Raises UrlRefused, CredentialsNotKept."""
    former = readers_of(source)
    values = given.model_dump(exclude_unset=True, exclude={"options", "credentials"})
    if given.options is not None:
        _check_addresses(workshop, source.kind, source.address, given.options)
        source.options = _options(given.options)
    if "credentials" in given.model_fields_set:
        if source.kind is not SourceKind.S3:
            raise InvalidInput.on("body.credentials", "Só fontes do tipo s3 têm credenciais.")
        source.sealed_credentials = _sealed(workshop, source, given.credentials)
    for name, value in values.items():
        setattr(source, name, [] if value is None and name.startswith("allowed") else value)
    source.allowed_roles = [Role(role).value for role in source.allowed_roles]
    _check_access(source)
    if "every_minutes" in values:
        pause = source.every_minutes
        source.next_sync_at = None if pause is None else utc_now() + timedelta(minutes=pause)
    await session.flush()
    await hand_on(session, actor, source, former)


async def ask_for_due(database: Database) -> int:
    """Puts every source whose time has come into the queue; returns how many."""
    due = (
        sa.select(WatchedSource.organization_id)
        .where(WatchedSource.next_sync_at <= sa.func.now())
        .distinct()
        .limit(_AT_ONCE)
    )
    async with database.worker_transaction() as session:
        organizations = (await session.scalars(due)).all()
    asked = 0
    for organization_id in organizations:
        async with database.transaction(OrganizationId(organization_id)) as session:
            asked += await _ask(session, OrganizationId(organization_id))
    return asked


async def _ask(session: AsyncSession, organization_id: OrganizationId) -> int:
    """The clock is put on in the transaction that asks: whoever comes second finds nothing due."""
    pause = sa.func.make_interval(0, 0, 0, 0, 0, WatchedSource.every_minutes)
    claimed = await session.scalars(
        sa.update(WatchedSource)
        .where(
            WatchedSource.organization_id == organization_id,
            WatchedSource.next_sync_at <= sa.func.now(),
        )
        .values(next_sync_at=sa.func.now() + pause)
        .returning(WatchedSource.id)
        .execution_options(synchronize_session=False)
    )
    sources, asked = Sources(session, organization_id), 0
    for source_id in claimed.all():
        try:
            await sources.ask(
                source_id, RunTrigger.SCHEDULE, requested_by=None, correlation_id=str(new_id())
            )
        except SyncUnderWay:
            continue  # somebody has asked already
        asked += 1
    return asked


def _check_addresses(
    workshop: Workshop, kind: SourceKind, address: str, options: SourceOptions
) -> None:
    if kind is not SourceKind.S3:
        workshop.addresses.check_url(address)
    if options.endpoint is not None:
        workshop.addresses.check_url(options.endpoint)


def _options(options: SourceOptions) -> dict[str, object]:
    return options.model_dump(exclude_none=True)


def _sealed(workshop: Workshop, source: WatchedSource, given: BucketKey | None) -> bytes | None:
    if given is None:
        return None
    safe = CredentialSafe(workshop.settings.sources.sealing_keys())
    if not safe.can_seal:
        raise CredentialsNotKept
    credentials = Credentials(
        given.access_key_id.get_secret_value(), given.secret_access_key.get_secret_value()
    )
    return safe.seal(credentials, place_of(source.organization_id, source.id))


def _check_access(source: WatchedSource) -> None:
    try:
        check_access(
            Visibility(source.visibility),
            [Role(role) for role in source.allowed_roles],
            source.allowed_team_ids,
        )
    except PydanticCustomError as error:
        finding = {"type": error.type, "loc": ("body", "visibility"), "msg": error.message()}
        raise RequestValidationError([{**finding, "input": None}]) from None
