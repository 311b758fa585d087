"""Pages of facts about one organization, by id: read from the tables of their contexts, as ids."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId

PAGE: Final = 1_000


def _table(name: str, **columns: Any) -> sa.TableClause:
    found = [sa.column(column, kind) for column, kind in columns.items()]
    return sa.table(name, sa.column("organization_id", sa.Uuid()), *found, schema=SCHEMA)


_INSTANT: Final = sa.DateTime(timezone=True)
# Columns alone: everything else about these tables is the business of their own contexts.
_MEMBERS: Final = _table("team_members", team_id=sa.Uuid(), member_id=sa.Uuid())
_CONSENTS: Final = _table(
    "consents",
    id=sa.Uuid(),
    client_id=sa.Uuid(),
    purpose_id=sa.Uuid(),
    decision=sa.Text(),
    notice_version=sa.Integer(),
    decided_at=_INSTANT,
    expires_at=_INSTANT,
)
_REVOCATIONS: Final = _table("consent_revocations", consent_id=sa.Uuid(), revoked_at=_INSTANT)
_PURPOSES: Final = _table(
    "consent_purposes",
    id=sa.Uuid(),
    code=sa.Text(),
    legal_basis=sa.Text(),
    assistant_may_use=sa.Boolean(),
    archived_at=_INSTANT,
    material_version=sa.Integer(),
    version=sa.Integer(),
)
_BLOCKS: Final = _table(
    "processing_blocks",
    id=sa.Uuid(),
    client_id=sa.Uuid(),
    purpose_id=sa.Uuid(),
    lifted_at=_INSTANT,
)
_CLIENTS: Final = _table("clients", id=sa.Uuid(), deleted_at=_INSTANT)
_MERGES: Final = _table(
    "client_merges", id=sa.Uuid(), merged_id=sa.Uuid(), survivor_id=sa.Uuid(), undone_at=_INSTANT
)


_TRANSFERS: Final = _table(
    "international_transfers",
    id=sa.Uuid(),
    provider=sa.Text(),
    country=sa.Text(),
    mechanism=sa.Text(),
    purpose_codes=ARRAY(sa.Text()),
    status=sa.Text(),
    valid_from=sa.Date(),
    valid_until=sa.Date(),
    version=sa.Integer(),
)
# Days are those of Brasília.
_TODAY: Final = sa.cast(sa.func.timezone("America/Sao_Paulo", sa.func.now()), sa.Date)


def _members() -> sa.Select[Any]:
    return sa.select(_MEMBERS.c.team_id, _MEMBERS.c.member_id)


def _purposes() -> sa.Select[Any]:
    purposes = _PURPOSES.c
    return sa.select(
        purposes.id.label("purpose_id"),
        purposes.code.label("purpose_code"),
        purposes.legal_basis,
        purposes.assistant_may_use,
        purposes.archived_at.is_not(None).label("archived"),
        purposes.material_version,
        purposes.version,
    )


def _blocks() -> sa.Select[Any]:
    """Also those that were lifted."""
    blocks, purposes = _BLOCKS.c, _PURPOSES.c
    purpose = sa.and_(
        purposes.organization_id == blocks.organization_id, purposes.id == blocks.purpose_id
    )
    return sa.select(
        blocks.id.label("block_id"),
        blocks.client_id,
        purposes.code.label("purpose_code"),
        blocks.lifted_at,
    ).select_from(_BLOCKS.outerjoin(_PURPOSES, purpose))


def _transfers() -> sa.Select[Any]:
    """Those that ended, too: an end may have gone unheard."""
    transfers = _TRANSFERS.c
    allowed = sa.and_(transfers.status == "authorised", transfers.valid_from <= _TODAY)
    return sa.select(
        transfers.id.label("transfer_id"),
        transfers.provider,
        transfers.country,
        transfers.mechanism,
        transfers.purpose_codes,
        allowed.label("allowed"),
        transfers.valid_until,
        transfers.version,
    )


def _consents() -> sa.Select[Any]:
    """Every decision, also where it was revoked later."""
    consents, revocations, purposes = _CONSENTS.c, _REVOCATIONS.c, _PURPOSES.c
    revoked = sa.and_(
        revocations.organization_id == consents.organization_id,
        revocations.consent_id == consents.id,
    )
    purpose = sa.and_(
        purposes.organization_id == consents.organization_id,
        purposes.id == consents.purpose_id,
    )
    return sa.select(
        consents.id.label("consent_id"),
        consents.client_id,
        consents.purpose_id,
        purposes.code.label("purpose_code"),
        (consents.decision == "refused").label("refused"),
        consents.notice_version,
        consents.decided_at,
        consents.expires_at,
        revocations.revoked_at,
    ).select_from(_CONSENTS.join(_PURPOSES, purpose).outerjoin(_REVOCATIONS, revoked))


def _merges() -> sa.Select[Any]:
    merges = _MERGES.c
    return sa.select(
        merges.id.label("merge_id"), merges.merged_id, merges.survivor_id, merges.undone_at
    )


def _deleted_clients() -> sa.Select[Any]:
    clients = _CLIENTS.c
    return sa.select(clients.id.label("client_id")).where(clients.deleted_at.is_not(None))


_KINDS: Final[Mapping[str, tuple[sa.TableClause, sa.Select[Any], tuple[str, ...]]]] = (
    MappingProxyType(
        {
            "team-members": (_MEMBERS, _members(), ("team_id", "member_id")),
            "purposes": (_PURPOSES, _purposes(), ("id",)),
            "blocks": (_BLOCKS, _blocks(), ("id",)),
            "transfers": (_TRANSFERS, _transfers(), ("id",)),
            "consents": (_CONSENTS, _consents(), ("id",)),
            "merges": (_MERGES, _merges(), ("id",)),
            "deleted-clients": (_CLIENTS, _deleted_clients(), ("id",)),
        }
    )
)


_OF_CLIENTS: Final = ("blocks", "consents")


async def facts_of(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> dict[str, list[dict[str, Any]]]:
    """All that decides whether data of these clients may be used now: no event is waited for."""
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in ("purposes", *_OF_CLIENTS):
        table, statement, _ = _KINDS[kind]
        # In one order: whoever remembers them locks rows.
        statement = statement.where(table.c.organization_id == organization_id).order_by(table.c.id)
        if kind in _OF_CLIENTS:
            statement = statement.where(table.c.client_id.in_(client_ids))
        found[kind] = [dict(row) for row in (await session.execute(statement)).mappings()]
    return found


async def page_of(
    session: AsyncSession, organization_id: OrganizationId, kind: str, after: tuple[UUID, ...]
) -> list[dict[str, Any]]:
    """Up to `PAGE` facts of a kind after the key `after`, in the key's order."""
    table, statement, key = _KINDS[kind]
    columns = [table.c[name] for name in key]
    statement = statement.where(table.c.organization_id == organization_id)
    if after:
        statement = statement.where(sa.tuple_(*columns) > sa.tuple_(*after))
    rows = await session.execute(statement.order_by(*columns).limit(PAGE))
    return [dict(row) for row in rows.mappings()]
