"""Facts of one person: kept, found for a question, corrected, forgotten."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.memory.exceptions import MemoryNotFound
from ai_svc.modules.memory.models import Fact, FactClient, FactCorrection, FactSource
from chassis.data.columns import utc_now
from chassis.data.compiled import CompiledStatement, rows
from knowledge.access import purposes_in_force
from knowledge.access_tables import Purpose
from knowledge.models import LegalBasis
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id
from shared_schemas.permissions import Permission

_LOOKED_AT: Final = 100
"""The latest, of which those a question is about are told."""
MOST: Final = 500
"""Of one person; what was told longest ago goes."""


class Facts:
    """Those of the actor. What is about a client is there only while a purpose is in force."""

    def __init__(self, session: AsyncSession, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    async def purposes_for(self, client_ids: Collection[UUID]) -> dict[UUID, str] | None:
        """For which purpose the data of each may be kept; None where there is none for one of them.
        One that does not rest on consent comes first: it is for attending to the person."""
        tenant = sa.literal(self._actor.organization_id, sa.Uuid())
        found: dict[UUID, str] = {}
        for client_id in client_ids:
            in_force = purposes_in_force(tenant, sa.literal(client_id, sa.Uuid()))
            code = await self._session.scalar(
                sa.select(Purpose.purpose_code)
                .where(
                    Purpose.organization_id == self._actor.organization_id,
                    Purpose.purpose_code == sa.any_(in_force),
                )
                .order_by(Purpose.legal_basis == LegalBasis.CONSENT, Purpose.purpose_code)
                .limit(1)
            )
            if code is None:
                return None
            found[client_id] = code
        return found

    async def keep(
        self,
        text: str,
        purposes: Mapping[UUID, str],
        *,
        source: FactSource,
        confidence: float,
        keep_for: timedelta,
        conversation_id: UUID | None,
        message_id: UUID | None,
    ) -> UUID:
        """Its id: that of the first, where the same was told before."""
        now = utc_now()
        again = {"confidence": confidence, "expires_at": now + keep_for, "updated_at": now}
        tenant = self._actor.organization_id
        fact_id: UUID = (
            await self._session.execute(
                insert(Fact)
                .values(
                    id=new_id(),
                    organization_id=tenant,
                    user_id=self._actor.user_id,
                    text=text,
                    digest=digest_of(text, purposes),
                    source=source,
                    conversation_id=conversation_id,
                    message_id=message_id,
                    created_at=now,
                    **again,
                )
                .on_conflict_do_update(
                    index_elements=["organization_id", "user_id", "digest"], set_=again
                )
                .returning(Fact.id)
            )
        ).scalar_one()
        for client_id, code in sorted(purposes.items()):  # as erasures lock them
            link = {"organization_id": tenant, "fact_id": fact_id, "client_id": client_id}
            await self._session.execute(
                insert(FactClient)
                .values(**link, purpose_code=code)
                .on_conflict_do_update(index_elements=list(link), set_={"purpose_code": code})
            )
        await self._forget_the_oldest()
        return fact_id

    async def about(self, client_ids: Collection[UUID]) -> Sequence[Any]:
        """Those about these clients, or about nobody, the latest first: what is told of a fact, and
        `client_ids`."""
        statement = _about(sees_clients=self._actor.may(Permission.CLIENTS_READ))
        asked = {
            "organization_id": self._actor.organization_id,
            "user_id": self._actor.user_id,
            "client_ids": list(client_ids),
        }
        return await rows(self._session, statement, asked)

    async def page(
        self, limit: int, after: UUID | None, client_ids: Collection[UUID] | None
    ) -> list[tuple[Fact, list[UUID]]]:
        """The latest first; with clients those about one of them."""
        statement = self._read().order_by(Fact.id.desc()).limit(limit)
        if after is not None:
            statement = statement.where(Fact.id < after)
        if client_ids is not None:
            named = sa.any_(sa.cast(list(client_ids), ARRAY(sa.Uuid())))
            statement = statement.where(_links().where(FactClient.client_id == named).exists())
        return self._pairs(await self._session.execute(statement))

    async def get(self, fact_id: UUID, *, for_update: bool = False) -> tuple[Fact, list[UUID]]:
        """One of them, or MemoryNotFound."""
        statement = self._read().where(Fact.id == fact_id)
        if for_update:
            statement = statement.with_for_update(of=Fact)
        for pair in self._pairs(await self._session.execute(statement)):
            return pair
        raise MemoryNotFound

    async def corrections_of(self, fact_id: UUID) -> list[FactCorrection]:
        """What it said before, first to last."""
        found = await self._session.scalars(
            sa.select(FactCorrection)
            .where(
                FactCorrection.organization_id == self._actor.organization_id,
                FactCorrection.fact_id == fact_id,
            )
            .order_by(FactCorrection.version)
        )
        return list(found)

    async def forget(self, fact_id: UUID) -> None:
        """Also what may not be used now; with all it ever said. Raises MemoryNotFound."""
        gone = await self._session.execute(
            sa.delete(Fact).where(*self._mine(), Fact.id == fact_id).returning(Fact.id)
        )
        if gone.first() is None:
            raise MemoryNotFound

    async def _forget_the_oldest(self) -> None:
        beyond = sa.select(Fact.id).where(*self._mine()).order_by(Fact.id.desc()).offset(MOST)
        await self._session.execute(sa.delete(Fact).where(*self._mine(), Fact.id.in_(beyond)))

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            Fact.organization_id == self._actor.organization_id,
            Fact.user_id == self._actor.user_id,
        )

    def _read(self) -> sa.Select[Any]:
        """With whose data they hold."""
        sees_clients = self._actor.may(Permission.CLIENTS_READ)
        return sa.select(Fact, _whose()).where(*self._mine(), *_usable(sees_clients=sees_clients))

    @staticmethod
    def _pairs(rows: sa.Result[Any]) -> list[tuple[Fact, list[UUID]]]:
        found: Sequence[Any] = rows.all()
        return [(fact, sorted(client_ids)) for fact, client_ids in found]


@cache
def _about(*, sees_clients: bool) -> CompiledStatement:
    """Compiled once: every question asks it."""
    named = sa.cast(sa.bindparam("client_ids", type_=ARRAY(sa.Uuid())), ARRAY(sa.Uuid()))
    of_others = _links().where(FactClient.client_id != sa.all_(named))
    return CompiledStatement(
        sa.select(Fact.id, Fact.text, Fact.source, Fact.confidence, Fact.updated_at, _whose())
        .where(
            Fact.organization_id == sa.bindparam("organization_id", type_=sa.Uuid()),
            Fact.user_id == sa.bindparam("user_id", type_=sa.Uuid()),
            *_usable(sees_clients=sees_clients),
            sa.not_(of_others.exists()),
        )
        .order_by(Fact.id.desc())
        .limit(_LOOKED_AT)
    )


def _usable(*, sees_clients: bool) -> tuple[sa.ColumnElement[bool], ...]:
    """Not past their time, and about nobody whose data may not be used now."""
    unusable = _links()
    if sees_clients:
        in_force = purposes_in_force(FactClient.organization_id, FactClient.client_id)
        unusable = unusable.where(FactClient.purpose_code != sa.all_(in_force))
    return Fact.expires_at > sa.func.now(), sa.not_(unusable.exists())


def _whose() -> sa.ColumnElement[Any]:
    ids = (
        sa.select(sa.func.array_agg(FactClient.client_id))
        .where(FactClient.organization_id == Fact.organization_id, FactClient.fact_id == Fact.id)
        .correlate(Fact)
        .scalar_subquery()
    )
    return sa.func.coalesce(ids, sa.cast([], ARRAY(sa.Uuid()))).label("client_ids")


def _links() -> sa.Select[Any]:
    return sa.select(sa.literal_column("1")).where(
        FactClient.organization_id == Fact.organization_id, FactClient.fact_id == Fact.id
    )


def digest_of(text: str, client_ids: Collection[UUID]) -> str:
    """The same for the same words about the same clients."""
    facts = [text.casefold().rstrip(".! "), *sorted(map(str, client_ids))]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()
