"""Whether data of a client may be used for a purpose now: what every such use asks first.

One statement, whoever asks: the purpose's own basis, or for those that rest on consent the latest
decision of the client (and of those merged into it), unless the data is blocked (LGPD Art. 7,
Art. 8 §§ 5 and 6, Art. 18 IV and § 2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import LateralFromClause

from core_api.modules.consents.exceptions import PurposeNotFound
from core_api.modules.consents.ledger_models import ProcessingBlock
from core_api.modules.consents.models import (
    Consent,
    ConsentPurpose,
    ConsentRevocation,
    Decision,
    LegalBasis,
)
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId


class Ground(StrEnum):
    """Why the data may be used, or may not."""

    OTHER_BASIS = "other_basis"
    CONSENT = "consent"
    NO_CLIENT = "no_client"
    PURPOSE_ARCHIVED = "purpose_archived"
    BLOCKED = "blocked"
    NEVER_ASKED = "never_asked"
    REFUSED = "refused"
    ENDED = "ended"
    RENEWAL_DUE = "renewal_due"


_GOOD: Final = frozenset({Ground.OTHER_BASIS, Ground.CONSENT})


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer, and what it rests on."""

    ground: Ground
    legal_basis: LegalBasis
    consent_id: UUID | None

    @property
    def allowed(self) -> bool:
        """Whether the data may be used."""
        return self.ground in _GOOD


class Reads(Protocol):
    """What finds one row: the hot way of a route."""

    async def one_or_none(self, statement: Any, parameters: Mapping[str, Any]) -> Any | None:
        """The row, or None."""


_TENANT: Final = sa.bindparam("organization_id", type_=sa.Uuid())
_CLIENTS: Final = sa.table(
    "clients",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "merged_into_id")),
    sa.column("deleted_at", sa.DateTime(timezone=True)),
    schema=SCHEMA,
)


def _answering() -> sa.ScalarSelect[Any]:
    """The client, or the one it was merged into; none when either was deleted."""
    survivors = _CLIENTS.alias("survivors")
    # Looked up before, not joined: under row-level security a join on an expression such as
    # coalesce is compared with every row of the table.
    survivor_id = (
        sa.select(sa.func.coalesce(_CLIENTS.c.merged_into_id, _CLIENTS.c.id))
        .where(
            _CLIENTS.c.organization_id == _TENANT,
            _CLIENTS.c.id == sa.bindparam("client_id", type_=sa.Uuid()),
            _CLIENTS.c.deleted_at.is_(None),
        )
        .scalar_subquery()
    )
    root = (
        sa.select(survivors.c.id)
        .where(
            survivors.c.organization_id == _TENANT,
            survivors.c.id == survivor_id,
            survivors.c.deleted_at.is_(None),
        )
        .cte("root")
        .prefix_with("MATERIALIZED")
    )
    return sa.select(root.c[0]).scalar_subquery()


def _family(answering: sa.ScalarSelect[Any]) -> sa.Cast[Any]:
    """The client and all who were merged into it."""
    merged = sa.select(_CLIENTS.c.id).where(
        _CLIENTS.c.organization_id == _TENANT, _CLIENTS.c.merged_into_id == answering
    )
    family = sa.type_coerce(
        sa.func.array(sa.union_all(sa.select(answering), merged).scalar_subquery()),
        ARRAY(sa.Uuid()),
    )
    mine = sa.select(family.label("ids")).cte("family").prefix_with("MATERIALIZED")
    # A cast, so that it is an array to `= ANY` and no set of rows.
    return sa.cast(sa.select(mine.c.ids).scalar_subquery(), ARRAY(sa.Uuid()))


def _latest_consent(ids: sa.Cast[Any]) -> LateralFromClause:
    return (
        sa.select(Consent.id, Consent.decision, Consent.notice_version, Consent.expires_at)
        .where(
            Consent.organization_id == _TENANT,
            Consent.client_id == sa.any_(ids),
            Consent.purpose_id == ConsentPurpose.id,
        )
        .order_by(Consent.decided_at.desc(), Consent.id.desc())
        .limit(1)
        .lateral("latest")
    )


def _is_blocked(ids: sa.Cast[Any]) -> sa.Exists:
    return sa.exists().where(
        ProcessingBlock.organization_id == _TENANT,
        ProcessingBlock.client_id == sa.any_(ids),
        sa.or_(
            ProcessingBlock.purpose_id.is_(None), ProcessingBlock.purpose_id == ConsentPurpose.id
        ),
        ProcessingBlock.lifted_at.is_(None),
    )


def _statement() -> sa.Select[Any]:
    answering = _answering()
    ids = _family(answering)
    latest = _latest_consent(ids)
    ended = sa.exists().where(
        ConsentRevocation.organization_id == _TENANT,
        ConsentRevocation.consent_id == latest.c.id,
    )
    return (
        sa.select(
            ConsentPurpose.legal_basis,
            ConsentPurpose.archived_at.is_not(None).label("is_archived"),
            answering.label("client_id"),
            _is_blocked(ids).label("is_blocked"),
            latest.c.id.label("consent_id"),
            latest.c.decision,
            sa.or_(ended, latest.c.expires_at <= sa.func.now()).label("is_ended"),
            (latest.c.notice_version < ConsentPurpose.material_version).label("renewal_due"),
        )
        .select_from(ConsentPurpose.__table__.outerjoin(latest, sa.true()))
        .where(
            ConsentPurpose.organization_id == _TENANT,
            ConsentPurpose.code == sa.bindparam("purpose_code", type_=sa.Text()),
        )
    )


STATEMENT: Final = _statement()
"""Built once: `Rows` keeps what it has compiled."""


async def legal_basis_of(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID, purpose_code: str
) -> Standing:
    """For who is in a transaction already. PurposeNotFound."""
    given = _given(organization_id, client_id, purpose_code)
    return _decided((await session.execute(STATEMENT, given)).one_or_none())


async def read_legal_basis(
    rows: Reads, organization_id: OrganizationId, client_id: UUID, purpose_code: str
) -> Standing:
    """For a request that asks nothing else. PurposeNotFound."""
    given = _given(organization_id, client_id, purpose_code)
    return _decided(await rows.one_or_none(STATEMENT, given))


def _given(
    organization_id: OrganizationId, client_id: UUID, purpose_code: str
) -> dict[str, object]:
    return {
        "organization_id": organization_id,
        "client_id": client_id,
        "purpose_code": purpose_code,
    }


def _decided(found: Any | None) -> Standing:
    if found is None:
        raise PurposeNotFound
    basis = LegalBasis(found.legal_basis)
    ground = _ground(found, basis)
    return Standing(ground, basis, found.consent_id if ground is Ground.CONSENT else None)


def _ground(found: Any, basis: LegalBasis) -> Ground:
    """What forbids comes first."""
    if found.client_id is None:
        return Ground.NO_CLIENT
    if found.is_archived:
        return Ground.PURPOSE_ARCHIVED
    if found.is_blocked:
        return Ground.BLOCKED
    if basis is not LegalBasis.CONSENT:
        return Ground.OTHER_BASIS
    if found.consent_id is None:
        return Ground.NEVER_ASKED
    if Decision(found.decision) is Decision.REFUSED:
        return Ground.REFUSED
    if found.is_ended:
        return Ground.ENDED
    return Ground.RENEWAL_DUE if found.renewal_due else Ground.CONSENT
