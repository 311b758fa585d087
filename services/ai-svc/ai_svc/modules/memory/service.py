"""Recalling and remembering, as conversations and agents ask for it."""

from asyncio import timeout
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import redis.exceptions
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.desk import Desk
from ai_svc.modules.access import service as access
from ai_svc.modules.memory import history, short_term, summarising
from ai_svc.modules.memory.corrected import corrected, corrections_of
from ai_svc.modules.memory.facts import Facts
from ai_svc.modules.memory.history import WINDOW
from ai_svc.modules.memory.likeness import best_of
from ai_svc.modules.memory.models import FactSource
from ai_svc.modules.memory.noting import LONGEST, noted, tidy
from ai_svc.modules.memory.recalled import KnownFact, Preview, Recalled
from ai_svc.modules.memory.summarising import renew as summarise
from ai_svc.modules.privacy.exceptions import ERASED_CLIENT
from ai_svc.turns import Turn
from chassis.data.database import Database
from chassis.messaging.endurance import describe
from chassis.web.error_handlers import driver_error
from knowledge.access import client_kin, purposes_in_force
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId
from shared_schemas.permissions import Permission

__all__ = [
    "AT_HAND",
    "WINDOW",
    "FactSource",
    "KnownFact",
    "Preview",
    "Recalled",
    "forget_conversations",
    "prune",
]
__all__ += ["noted", "recall", "remember_fact", "remember_turn", "summarise"]

_log = structlog.get_logger(__name__)

AT_HAND: Final = short_term.KEPT + timedelta(hours=1)
"""Of a conversation in which nothing was said for so long, nothing is at hand."""
_FACTS: Final = 12
_EARLIER: Final = 3
_PATIENCE: Final = 0.25
"""Seconds. The client would try a Redis that is down for much longer, and nobody needs it."""
_REDIS_FAILURES: Final = (redis.exceptions.RedisError, OSError)


async def recall(
    desk: Desk,
    *,
    actor: Actor,
    conversation_id: UUID | None,
    client_id: UUID | None,
    question: str,
    before: UUID | None = None,
) -> Recalled:
    """What is remembered for the question: nothing of a client whose data may not be used now.

    `before`: the id of the message that is being answered; it is not its own history.
    """
    await access.refresh(desk.workshop, actor, client_id)
    async with desk.database.transaction(actor.organization_id, read_only=True) as session:
        said: list[history.Message] = []
        if conversation_id is not None:
            said = await history.messages(session, actor, conversation_id, before)
        about = await _about(session, actor, client_id, said)
        facts = await Facts(session, actor).about(about)
        earlier = await history.earlier(session, actor, conversation_id, about)
        held = about.union(
            *(fact.client_ids for fact in facts), *(each.client_ids for each in earlier)
        )
        corrections = await corrections_of(session, actor.organization_id, held)
    corrected_since = await corrected(desk.workshop.core_api, actor, corrections)
    said = [each for each in said if corrected_since.may_use(each.client_ids, each.at)]
    window, older = said[: history.WINDOW], said[history.WINDOW :]
    words = await _words(desk, actor, conversation_id, [each.id for each in window])
    known = [
        KnownFact(fact.id, fact.text, fact.source, fact.confidence, tuple(fact.client_ids))
        for fact in facts
        if corrected_since.may_use(fact.client_ids, fact.updated_at)
        and not corrected_since.has_old_values(fact.text)
    ]
    earlier = [
        replace(each, text=corrected_since.words(each.text, each.client_ids, each.at))
        for each in earlier
        if corrected_since.may_use(each.client_ids, each.at)
    ]
    summary = summarising.told(older, await _summary(desk, actor, conversation_id, older))
    return Recalled(
        turns=[
            Turn(
                each.role,
                corrected_since.words(words[each.id], each.client_ids, each.at),
                each.client_ids,
                each.document_ids,
            )
            for each in reversed(window)
            if each.id in words
        ],
        summary=corrected_since.old_values.taken_out(summary).text if summary else summary,
        summary_client_ids=tuple({who for each in older for who in each.client_ids}),
        facts=best_of(question, known, lambda fact: fact.text, most=_FACTS, all_of=True),
        earlier=best_of(question, earlier, lambda each: each.text, most=_EARLIER, all_of=False),
    )


async def remember_turn(
    desk: Desk, *, actor: Actor, conversation_id: UUID, message_id: UUID, turn: Turn
) -> Sequence[UUID]:
    """A message that is committed: kept at hand, and what its author asks to be remembered becomes
    a fact. Returns those facts' ids. Raises nothing for a memory that is down."""
    await _words(desk, actor, conversation_id, [message_id])
    sentence = noted(turn.content) if turn.role == "user" else None
    if sentence is None:
        return ()
    async with desk.database.transaction(actor.organization_id, read_only=True) as session:
        about = await history.clients_around(session, actor, message_id)
    fact_id = await remember_fact(
        desk,
        actor=actor,
        text=sentence,
        source=FactSource.SAID,
        client_ids=about.union(turn.client_ids),
        conversation_id=conversation_id,
        message_id=message_id,
    )
    return () if fact_id is None else (fact_id,)


async def remember_fact(
    desk: Desk,
    *,
    actor: Actor,
    text: str,
    source: FactSource,
    confidence: float = 1.0,
    client_ids: Collection[UUID] = (),
    conversation_id: UUID | None = None,
    message_id: UUID | None = None,
) -> UUID | None:
    """Keeps it for who told it; None where the data of one of the clients may not be used now."""
    for client_id in client_ids:
        await access.refresh(desk.workshop, actor, client_id)
    try:
        async with desk.database.transaction(actor.organization_id) as session:
            facts = Facts(session, actor)
            purposes = await facts.purposes_for(client_ids)
            if purposes is None:
                return None
            return await facts.keep(
                tidy(text)[:LONGEST],
                purposes,
                source=source,
                confidence=confidence,
                keep_for=desk.workshop.settings.memory.keep_for,
                conversation_id=conversation_id,
                message_id=message_id,
            )
    except IntegrityError as error:
        if getattr(driver_error(error), "constraint_name", None) == ERASED_CLIENT:
            return None  # erased this very moment
        raise


async def forget_conversations(
    desk: Desk, organization_id: OrganizationId, conversation_ids: Sequence[UUID]
) -> None:
    """Lets go of what is at hand of conversations that were deleted or lost words. What cannot be
    reached goes by itself within a day, and is not recalled meanwhile: PostgreSQL decides."""
    try:
        async with timeout(_PATIENCE):
            keys = [short_term.key_of(organization_id, each) for each in conversation_ids]
            await short_term.forget(desk.redis, keys)
    except _REDIS_FAILURES as error:
        _log.warning("memory_not_at_hand", error=describe(error))


async def prune(database: Database) -> int:
    """Deletes facts past their time, in every organization; how many."""
    (row,) = await database.worker_statement(sa.select(sa.func.ai.prune_memory().label("facts")))
    return int(row.facts)


async def _about(
    session: AsyncSession, actor: Actor, client_id: UUID | None, said: Sequence[history.Message]
) -> set[UUID]:
    """Whom the question may be about: the named client, and whoever the conversation is about."""
    about = {who for each in said for who in each.client_ids}
    if client_id is None or not actor.may(Permission.CLIENTS_READ):
        return about
    tenant, named = sa.literal(actor.organization_id, sa.Uuid()), sa.literal(client_id, sa.Uuid())
    kin = client_kin(actor.organization_id, client_id)
    in_force = sa.func.cardinality(purposes_in_force(tenant, named))
    family, purposes = (await session.execute(sa.select(kin, in_force))).one()
    return about | set(family) if purposes else about


async def _summary(
    desk: Desk, actor: Actor, conversation_id: UUID | None, older: Sequence[history.Message]
) -> summarising.Summary | None:
    """What a model made of it before."""
    if conversation_id is None or not older:
        return None
    key = short_term.key_of(actor.organization_id, conversation_id)
    try:
        async with timeout(_PATIENCE):
            return summarising.Summary.read(await short_term.read_summary(desk.redis, key))
    except _REDIS_FAILURES as error:
        _log.warning("memory_not_at_hand", error=describe(error))
        return None


async def _words(
    desk: Desk, actor: Actor, conversation_id: UUID | None, message_ids: Sequence[UUID]
) -> dict[UUID, str]:
    """Of these messages: what is at hand, and what is read from PostgreSQL and put there."""
    if conversation_id is None or not message_ids:
        return {}
    key = short_term.key_of(actor.organization_id, conversation_id)
    number = None
    words: dict[UUID, str] = {}
    try:
        # Before PostgreSQL is read: what is forgotten from now on is not written after.
        async with timeout(_PATIENCE):
            number = await short_term.number_of(desk.redis, key)
            words = await short_term.read(desk.redis, key, message_ids)
    except _REDIS_FAILURES as error:
        _log.warning("memory_not_at_hand", error=describe(error))
    missing = [each for each in message_ids if each not in words]
    if not missing:
        return words
    async with desk.database.transaction(actor.organization_id, read_only=True) as session:
        fresh = await history.contents(session, actor, conversation_id, missing)
    if number is not None:
        try:
            async with timeout(_PATIENCE):
                await short_term.write(desk.redis, key, number, fresh)
        except _REDIS_FAILURES as error:
            _log.warning("memory_not_at_hand", error=describe(error))
    return words | fresh
