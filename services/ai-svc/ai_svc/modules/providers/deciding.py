"""An organization decides whom its texts may be sent to."""

from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.providers.models import ProviderPolicy
from ai_svc.modules.providers.policies import Policies
from ai_svc.modules.providers.schemas import PolicyWrite
from chassis.web.etag import check_version
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id


async def decide(
    session: AsyncSession, actor: Actor, given: PolicyWrite, seen_version: int | None
) -> ProviderPolicy:
    """Holds for the next request to a model. Raises PreconditionFailed."""
    row = await Policies(session, actor.organization_id).find_for_change()
    check_version(0 if row is None else row.version, seen_version)
    if row is None:
        row = ProviderPolicy(id=new_id(), organization_id=actor.organization_id)
        session.add(row)
    row.providers = [str(name) for name in given.providers]
    row.personal_data = [str(name) for name in given.personal_data]
    row.countries = None if given.countries is None else list(given.countries)
    row.changed_by = actor.user_id
    await session.flush()
    return row


async def undecide(session: AsyncSession, actor: Actor, seen_version: int | None) -> None:
    """The installation's order holds again. Raises PreconditionFailed."""
    row = await Policies(session, actor.organization_id).find_for_change()
    check_version(0 if row is None else row.version, seen_version)
    if row is not None:
        await session.delete(row)
        await session.flush()
