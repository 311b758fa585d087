"""How a run ends: once, by whoever changes its row from `running`.

Each function is a transaction of its own. None is open while a model writes.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.agents.events import AgentAnswer, UsageEvent
from ai_svc.modules.chat.models import (
    LEASE,
    ConversationMessage,
    MessageClient,
    MessageDocument,
    MessageStatus,
)
from ai_svc.modules.chat.words import TERMS, found_by
from ai_svc.modules.privacy.exceptions import ERASED_CLIENT, ClientErased
from ai_svc.modules.usage import service as usage
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.web.error_handlers import driver_error
from shared_schemas.ids import OrganizationId

_MESSAGES: Final = cast("sa.Table", ConversationMessage.__table__)
# Built once, and on the tables: every run asks these.
_END: Final = (
    sa.update(_MESSAGES)
    .where(
        _MESSAGES.c.organization_id == sa.bindparam("tenant"),
        _MESSAGES.c.id == sa.bindparam("message"),
        _MESSAGES.c.run_id == sa.bindparam("run"),
        _MESSAGES.c.status == MessageStatus.RUNNING,
    )
    .values(terms=TERMS)
    .returning(_MESSAGES.c.id)
)
_HOLD_CLIENTS: Final = insert(cast("sa.Table", MessageClient.__table__)).on_conflict_do_nothing()
_HOLD_DOCUMENTS: Final = insert(
    cast("sa.Table", MessageDocument.__table__)
).on_conflict_do_nothing()

LOST: Final = "CHAT_RUN_LOST"
LOST_MESSAGE: Final = (
    "A resposta foi interrompida por uma falha do serviço. Sua mensagem está guardada: peça a "
    "resposta de novo."
)


class SourceGone(Exception):
    """A document the answer stands on was deleted meanwhile."""

    code = "CHAT_SOURCE_GONE"
    message = (
        "Um documento usado na resposta foi excluído enquanto ela era escrita. Peça a resposta "
        "de novo."
    )


class MessageGone(Exception):
    """The message was deleted while its answer was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Which run."""

    organization_id: OrganizationId
    message_id: UUID
    run_id: UUID


@dataclass(frozen=True, slots=True)
class Held:
    """Whose data and which documents a run has held so far."""

    client_ids: Collection[UUID] = ()
    document_ids: Collection[UUID] = ()


async def hold(database: Database, run: Running, held: Held) -> None:
    """Notes them before anything made of them is told. Raises ClientErased, SourceGone."""
    try:
        async with database.transaction(run.organization_id) as session:
            await _hold(session, run, held)
    except IntegrityError as error:
        raise _meant_by(error) from error


async def finish(
    database: Database,
    run: Running,
    answer: AgentAnswer,
    usage: UsageEvent | None,
    *,
    held: Held,
    event_count: int,
) -> bool:
    """Writes the answer down; False when somebody has ended the run before. Raises ClientErased,
    SourceGone."""
    facts = {
        "status": MessageStatus.DONE,
        "content": answer.text,
        "answer": answer.model_dump(mode="json"),
        "found": found_by(run.organization_id, answer.text),
        "agent": answer.agent.value,
        "model": answer.model,
        "prompt_version": answer.prompt_version,
        "event_count": event_count,
        **_cost_of(answer, usage),
    }
    return await _end(database, run, facts, held)


async def break_off(
    database: Database,
    run: Running,
    status: MessageStatus,
    cause: tuple[str, str],
    *,
    text: str,
    held: Held,
    event_count: int,
) -> bool:
    """Ends it without a whole answer; what was told of one so far is kept. As `finish`."""
    code, message = cause
    facts = {
        "status": status,
        "content": text or None,
        "found": found_by(run.organization_id, text),
        "error_code": code,
        "error_message": message,
        "event_count": event_count,
    }
    return await _end(database, run, facts, held)


async def renew(
    database: Database, organization_id: OrganizationId, runs: Collection[Running]
) -> dict[UUID, datetime | None]:
    """Keeps the leases; of those that still run, when somebody wanted them stopped."""
    message = ConversationMessage
    async with database.transaction(organization_id) as session:
        rows = await session.execute(
            sa.update(message)
            .where(
                message.organization_id == organization_id,
                message.id.in_([run.message_id for run in runs]),
                message.status == MessageStatus.RUNNING,
            )
            .values(run_expires_at=sa.func.clock_timestamp() + LEASE)
            .returning(message.run_id, message.stop_requested_at)
            .execution_options(synchronize_session=False)
        )
        return {row.run_id: row.stop_requested_at for row in rows}


async def is_there(database: Database, run: Running) -> bool:
    """Whether the message was not deleted."""
    there = sa.exists().where(
        ConversationMessage.organization_id == run.organization_id,
        ConversationMessage.id == run.message_id,
    )
    async with database.transaction(run.organization_id, read_only=True) as session:
        return bool(await session.scalar(sa.select(there)))


async def end_dead(database: Database) -> int:
    """Fails the runs whose process is gone, of all organizations; says how many. What they had set
    aside is nobody's to settle any more: it counts in full."""
    ended = sa.func.ai.end_dead_runs(LOST, LOST_MESSAGE).table_valued(
        sa.column("organization_id", sa.Uuid()),
        sa.column("message_id", sa.Uuid()),
        sa.column("run_id", sa.Uuid()),
    )
    rows = await database.worker_statement(sa.select(ended))
    runs: dict[OrganizationId, list[UUID]] = defaultdict(list)
    for row in rows:
        runs[row.organization_id].append(row.run_id)
    for organization_id, run_ids in runs.items():
        async with database.transaction(organization_id) as session:
            await usage.abandon(session, organization_id, run_ids)
    return len(rows)


async def number(
    database: Database, organization_id: OrganizationId, message_id: UUID, event_count: int
) -> None:
    """Which was the last event of a run whose process could not say so: who has heard it has
    nothing to come back for."""
    message = ConversationMessage
    async with database.transaction(organization_id) as session:
        await session.execute(
            sa.update(message)
            .where(
                message.organization_id == organization_id,
                message.id == message_id,
                message.event_count == 0,
                message.status != MessageStatus.RUNNING,
            )
            .values(event_count=event_count)
            .execution_options(synchronize_session=False)
        )


async def _end(database: Database, run: Running, facts: dict[str, Any], held: Held) -> bool:
    which = {"tenant": run.organization_id, "message": run.message_id, "run": run.run_id}
    end = {"run_expires_at": None, "finished_at": utc_now()}
    try:
        async with database.transaction(run.organization_id) as session:
            ended = await session.execute(_END, {**facts, **end, **which})
            if ended.one_or_none() is None:
                return False
            await _hold(session, run, held)
    except IntegrityError as error:
        raise _meant_by(error) from error
    return True


async def _hold(session: AsyncSession, run: Running, held: Held) -> None:
    where = {"organization_id": run.organization_id, "message_id": run.message_id}
    for insert_links, column, ids in (
        (_HOLD_CLIENTS, "client_id", held.client_ids),
        (_HOLD_DOCUMENTS, "document_id", held.document_ids),
    ):
        rows = [{**where, column: each} for each in sorted(ids)]
        if rows:
            await session.execute(insert_links, rows)


def _cost_of(answer: AgentAnswer, usage: UsageEvent | None) -> dict[str, Any]:
    if usage is None:
        return {"output_tokens": answer.tokens_used}
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_micros": usage.cost_micros,
        "currency": usage.currency,
    }


def _meant_by(error: IntegrityError) -> Exception:
    name = getattr(driver_error(error), "constraint_name", None) or ""
    if name == ERASED_CLIENT:
        return ClientErased()
    if not name.startswith("fk_message_"):
        return error
    # Else the message itself is gone: the conversation was deleted, or somebody erased.
    return SourceGone() if "_document_id_" in name else MessageGone()
