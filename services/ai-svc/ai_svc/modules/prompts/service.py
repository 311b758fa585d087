"""Which prompt is used, and choosing another.

prompt = await prompt_for(database, organization_id, "agent_knowledge")
system, user = prompt.render(question=question)
answer.prompt_version = prompt.label
"""

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.prompts.exceptions import NothingToRollBack, PromptNotFound
from ai_svc.modules.prompts.models import Alias, ChangeKind, PromptAlias, PromptAliasChange
from ai_svc.modules.prompts.repository import Choices
from ai_svc.prompts import Prompt, newest_version, read_prompt, versions_of
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.web.etag import check_version
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

__all__ = ["Alias", "Prompt", "prompt_for"]

_log = structlog.get_logger(__name__)


async def prompt_for(
    source: AsyncSession | Database,
    organization_id: OrganizationId,
    prompt_id: str,
    alias: Alias | str = Alias.PRODUCTION,
) -> Prompt:
    """The version the organization has chosen, else the newest released one; for the alias
    candidate, else the one in production.

    Given a session it reads in it, given the database in a transaction of its own. Raises
    LookupError for a prompt that does not exist: a mistake of ours.
    """
    if isinstance(source, Database):
        async with source.transaction(organization_id, read_only=True) as session:
            chosen = await _chosen(session, organization_id, prompt_id, Alias(alias))
    else:
        chosen = await _chosen(source, organization_id, prompt_id, Alias(alias))
    return read_prompt(prompt_id, chosen or newest_version(prompt_id))


async def choose(
    session: AsyncSession,
    actor: Actor,
    prompt_id: str,
    alias: Alias,
    version: int | None,
    seen_version: int | None,
) -> PromptAlias:
    """From now on this version is used; None: the newest released one, whichever that is.

    Raises PromptNotFound, PreconditionFailed.
    """
    check_exists(prompt_id, version)
    chosen = await _locked(session, actor, prompt_id, alias, seen_version)
    if chosen.prompt_version != version:
        _change(session, actor, chosen, version, ChangeKind.SET)
        await session.flush()
    return chosen


async def roll_back(
    session: AsyncSession, actor: Actor, prompt_id: str, alias: Alias, seen_version: int | None
) -> PromptAlias:
    """Undoes the last choice that stands; again: the one before it.

    Raises PromptNotFound, PreconditionFailed, NothingToRollBack.
    """
    check_exists(prompt_id)
    chosen = await _locked(session, actor, prompt_id, alias, seen_version)
    last = await Choices(session, actor.organization_id).last_standing(prompt_id, alias)
    if last is None:
        raise NothingToRollBack
    _change(session, actor, chosen, last.from_version, ChangeKind.ROLLBACK, undoes=last)
    await session.flush()
    return chosen


def check_exists(prompt_id: str, version: int | None = None) -> None:
    """Raises PromptNotFound."""
    versions = versions_of(prompt_id)
    if not versions or (version is not None and version not in versions):
        raise PromptNotFound


async def _chosen(
    session: AsyncSession, organization_id: OrganizationId, prompt_id: str, alias: Alias
) -> int | None:
    choices = Choices(session, organization_id)
    for each in dict.fromkeys((alias, Alias.PRODUCTION)):
        version = await choices.version(prompt_id, each)
        if version is None:
            continue
        if version in versions_of(prompt_id):
            return version
        # An older release of this service runs again: it does not know the version yet.
        _log.warning("chosen_prompt_missing", prompt=f"{prompt_id}.v{version}", alias=each)
    return None


async def _locked(
    session: AsyncSession,
    actor: Actor,
    prompt_id: str,
    alias: Alias,
    seen_version: int | None,
) -> PromptAlias:
    choices = Choices(session, actor.organization_id)
    chosen = await choices.locked(prompt_id, alias, actor.user_id)
    check_version(chosen.version, seen_version)
    return chosen


def _change(
    session: AsyncSession,
    actor: Actor,
    chosen: PromptAlias,
    version: int | None,
    kind: ChangeKind,
    *,
    undoes: PromptAliasChange | None = None,
) -> None:
    change = PromptAliasChange(
        id=new_id(),
        organization_id=actor.organization_id,
        prompt_id=chosen.prompt_id,
        alias=chosen.alias,
        number=chosen.version + 1,
        kind=kind,
        from_version=chosen.prompt_version,
        to_version=version,
        undoes_id=undoes.id if undoes is not None else None,
        changed_by=actor.user_id,
    )
    session.add(change)
    chosen.prompt_version = version
    chosen.changed_by = actor.user_id
    chosen.updated_at = utc_now()
